import bindings from 'bindings';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import { CmirError, messageOf } from '../errors';
import { ADDON, allBinaries, fittingBinary, prebuildsFolder, unfitError } from './binary';
import { PACKAGE_ROOT, buildFiles } from './build';
import { findLibtorch, libraryFile } from './libtorch';
import { otherLibtorch, tryOnce, type Pair } from './trial';

export type Binding = typeof import('../../binding');

/** The small addon that opens LibTorch's libraries: native/binding/loader.cc. */
interface Loader {
  /** Paths of all libraries in this process. */
  loaded(): string[];
  open(path: string): void;
}

let loaded: Binding | undefined;

/**
 * The native addon, loaded on the first call of each thread. It never fetches or builds anything: it
 * throws ERR_CMIR_NOT_BUILT or ERR_CMIR_LIBTORCH, whose messages name the command to run.
 */
export function loadAddon(): Binding {
  loaded ??= loadAddonFrom(PACKAGE_ROOT);
  return loaded;
}

/** The addon of the package in `root`; like loadAddon, but for any place. */
export function loadAddonFrom(root: string, env: NodeJS.ProcessEnv = process.env): Binding {
  const pair = findPair(root, env);
  const failure = tryOnce(pair, env);
  if (failure?.engine === null) throw new CmirError(failure.code, failure.message);
  return openPair(pair);
}

/** The addon and the LibTorch that belong together here. Throws as loadAddon does; loads nothing. */
export function findPair(root: string, env: NodeJS.ProcessEnv): Pair {
  const binaries = allBinaries(root);
  if (binaries.length === 0) {
    const prebuilds = prebuildsFolder(root);
    const folders = [buildFiles(root).release, ...(existsSync(prebuilds) ? [prebuilds] : [])];
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      `the native addon is not built in ${folders.join(' or ')}; run: npx cmir setup`,
    );
  }
  const libtorch = findLibtorch(env);
  if (libtorch === undefined) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      'LibTorch is not found; run: npx cmir setup, or set LIBTORCH to a folder that holds include/ and lib/',
    );
  }
  const binary = fittingBinary(libtorch, root);
  if (binary === undefined) throw unfitError(libtorch, binaries);
  return { binary, libtorch };
}

/** Loads LibTorch, then the addon, into this process. */
export function openPair(pair: Pair): Binding {
  openLibtorch(pair);
  return openAddon(pair);
}

/** Once loaded under their own names, LibTorch's libraries serve the addon from wherever they are. */
export function openLibtorch({ binary, libtorch }: Pair): void {
  const { root, version } = libtorch;
  const loader = requireAddon(binary.loader) as Loader;
  refuseSecond(loader, ADDON, binary.addon, 'copy of cmir');
  for (const name of ['c10', 'torch_cpu', 'torch_cuda', 'torch']) {
    const library = libraryFile(root, name);
    if (name === 'torch_cuda' && !existsSync(library)) continue;
    refuseSecond(loader, new RegExp(`^lib${name}\\.(so|dylib)$`), library, 'LibTorch');
    try {
      loader.open(library);
    } catch (cause) {
      throw new CmirError(
        'ERR_CMIR_LIBTORCH',
        `LibTorch ${version} in ${root} does not load: ${messageOf(cause)}; ${otherLibtorch(libtorch)}`,
        { cause },
      );
    }
  }
}

/** The addon, after LibTorch. */
export function openAddon({ binary }: Pair): Binding {
  return requireAddon(binary.addon) as Binding;
}

/** Both register names, of operators and others, which LibTorch lets nobody do twice: it would end the process. */
function refuseSecond(loader: Loader, names: RegExp, file: string, what: string): void {
  const own = realPath(file);
  const other = loader
    .loaded()
    .find((path) => names.test(basename(path)) && realPath(path) !== own);
  if (other === undefined) return;
  throw new CmirError(
    'ERR_CMIR_NATIVE',
    `this process has loaded another ${what}, ${other}, and can hold one: ${own} is not loaded; ` +
      'start the program anew where cmir was set up while it ran; let all its parts use the same package and the ' +
      'same LibTorch (npm dedupe), or separate processes',
  );
}

/** Also of a file that was removed after it was loaded. */
function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function requireAddon(file: string): unknown {
  try {
    return bindings({
      bindings: basename(file),
      module_root: dirname(file),
      try: [['module_root', 'bindings']],
    });
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      `the native addon ${basename(file)} in ${dirname(file)} does not load: ` +
        `${messageOf(cause)}; run: npx cmir setup --rebuild`,
      { cause },
    );
  }
}
