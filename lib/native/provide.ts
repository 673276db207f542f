import { resolve } from 'node:path';

import { fetchLibtorch, type FetchOptions } from './fetch/index';
import {
  chooseCached,
  findLibtorch,
  parseVariant,
  parseVersion,
  torchVariant,
  torchVersion,
  type Libtorch,
} from './libtorch';
import { timed } from './timed';

/** A LibTorch, and the environment by which it is found. */
export interface Provided {
  readonly libtorch: Libtorch;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Finds LibTorch, or fetches it where there is none or where `options` ask for another than the one found.
 * What is asked for is used from then on, unless it is put into a folder of its own. Throws ERR_CMIR_USAGE
 * for an unknown variant or version, and what findLibtorch and fetchLibtorch throw.
 */
export async function provideLibtorch(options: FetchOptions): Promise<Provided> {
  const { env = process.env, log = () => undefined } = options;
  if (options.variant !== undefined) parseVariant('variant', options.variant);
  if (options.version !== undefined) parseVersion('version', options.version);
  const fetch = (): Promise<Libtorch> =>
    timed(log, 'fetched', () => fetchLibtorch({ ...options, env, log }));
  const { variant, version, folder, files = [] } = options;
  const isAsked = [variant, version, folder].some((wish) => wish !== undefined) || files.length > 0;
  if (!isAsked) return { libtorch: findLibtorch(env) ?? (await fetch()), env };

  const libtorch = findAsked(options, env) ?? (await fetch());
  chooseCached(libtorch, env);
  for (const name of ['LIBTORCH', 'LIBTORCH_USE_PYTORCH']) {
    const set = env[name] ?? '';
    if (set !== '' && resolve(set) !== libtorch.root)
      log(`${name} is set: later commands go by it, not by this setup`);
  }
  return { libtorch, env: { ...env, LIBTORCH: libtorch.root } };
}

/** The build that is asked for by name, where the cache holds it. */
function findAsked(options: FetchOptions, env: NodeJS.ProcessEnv): Libtorch | undefined {
  if (options.folder !== undefined || (options.files ?? []).length > 0) return undefined;
  const variant = options.variant ?? torchVariant(env);
  const version = options.version ?? torchVersion(env, variant);
  const wish = { CMIR_TORCH_VARIANT: variant, CMIR_TORCH_VERSION: version };
  return findLibtorch({ ...env, ...wish, LIBTORCH: '', LIBTORCH_USE_PYTORCH: '' });
}
