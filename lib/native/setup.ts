import { CmirError } from '../errors';
import { PACKAGE_ROOT, buildAddon } from './build';
import { fetchLibtorch } from './fetch';
import { findLibtorch, type Libtorch } from './libtorch';
import { probeAddon } from './probe';

/** How LibTorch is found and the addon built. */
export interface SetupOptions {
  /** Compile even when the addon is up to date. */
  readonly rebuild?: boolean;
  /** Takes a line about each thing that is done. */
  readonly log?: (line: string) => void;
  /** Environment variables to go by; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** The package's folder; this package's unless given. */
  readonly root?: string;
}

/**
 * Makes everything ready: finds or fetches LibTorch, builds the addon where it is missing, outdated or
 * damaged, and tries it in a process of its own. `npm ci` in a clone, `cmir setup` and a first command
 * call this; it is safe to call again. Throws ERR_CMIR_SETUP or ERR_CMIR_LIBTORCH with what to do.
 */
export async function setup(options: SetupOptions = {}): Promise<Libtorch> {
  const {
    log = () => undefined,
    env = process.env,
    root = PACKAGE_ROOT,
    rebuild = false,
  } = options;
  const libtorch =
    findLibtorch(env) ?? (await timed(log, 'fetched', () => fetchLibtorch({ env, log })));
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

/** Does `work`, then tells how long it took; nothing where it says that there was nothing to do. */
async function timed<T>(
  log: (line: string) => void,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  const result = await work();
  if (result !== false) log(`${what} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return result;
}
