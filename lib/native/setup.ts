import { buildAddon, isUpToDate } from './build';
import { fetchLibtorch } from './fetch';
import { findLibtorch, type Libtorch } from './libtorch';

export interface SetupOptions {
  /** Compile even when the addon is up to date. */
  readonly rebuild?: boolean;
  /** Takes a line about each thing that is done. */
  readonly log?: (line: string) => void;
}

/**
 * Makes everything ready: finds or fetches LibTorch, builds the addon where it is missing or outdated.
 * `npm ci` in a clone, `cmir setup` and a first command call this; it is safe to call again.
 */
export async function setup(options: SetupOptions = {}): Promise<Libtorch> {
  const log = options.log ?? (() => undefined);
  const libtorch = findLibtorch() ?? (await fetchLibtorch(log));
  if (options.rebuild === true || !isUpToDate(libtorch)) await buildAddon(libtorch, log);
  return libtorch;
}
