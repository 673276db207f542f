import { CmirError } from '../errors';
import { PACKAGE_ROOT, buildAddon } from './build';
import type { Libtorch } from './libtorch';
import { probeAddon } from './probe';
import { provideLibtorch, type ProvideOptions } from './provide';
import { timed } from './timed';

export interface SetupOptions extends ProvideOptions {
  /** Compile even when the addon is up to date. */
  readonly rebuild?: boolean;
  /** The package's folder; this package's unless given. */
  readonly root?: string;
}

/**
 * Makes everything ready: finds or fetches LibTorch, builds the addon where it is missing, outdated or
 * damaged, and tries it in a process of its own. `npm ci` in a clone, `cmir setup` and a first command
 * call this; it is safe to call again. Throws ERR_CMIR_SETUP or ERR_CMIR_LIBTORCH with what to do.
 */
export async function setup(options: SetupOptions = {}): Promise<Libtorch> {
  const { log = () => undefined, root = PACKAGE_ROOT, rebuild = false } = options;
  const { libtorch, env } = await provideLibtorch(options);
  const build = (anew: boolean): Promise<boolean> =>
    timed(log, 'compiled', () => buildAddon(libtorch, { rebuild: anew, log, env, root }));
  const compiled = await build(rebuild);

  let probe = await probeAddon(root, env);
  if (probe.engine === null && probe.code === 'ERR_CMIR_NOT_BUILT' && !compiled) {
    log(probe.message.split('; ')[0] ?? '');
    await build(true);
    probe = await probeAddon(root, env);
  }
  if (probe.engine === null) {
    const code = probe.code === 'ERR_CMIR_LIBTORCH' ? probe.code : 'ERR_CMIR_SETUP';
    throw new CmirError(code, probe.message);
  }
  return libtorch;
}
