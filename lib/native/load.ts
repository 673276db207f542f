import bindings from 'bindings';
import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import { CmirError, messageOf } from '../errors';
import { ADDON, allBinaries, fittingBinary, prebuildsFolder, unfitError } from './binary';
import { PACKAGE_ROOT, buildFiles } from './build';
import { findLibtorch, libraryFile, type Libtorch } from './libtorch';
import { tryOnce, type Pair } from './trial';

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
export function openPair({ binary, libtorch }: Pair): Binding {
  const loader = requireAddon(binary.loader) as Loader;
  refuseSecond(loader, binary.addon);
  openLibraries(loader, libtorch);
  return requireAddon(binary.addon) as Binding;
}

/** Operators have names, which LibTorch lets nobody register twice: it would end the process. */
function refuseSecond(loader: Loader, addon: string): void {
  const own = realpathSync(addon);
  const other = loader
    .loaded()
    .find((path) => ADDON.test(basename(path)) && existsSync(path) && realpathSync(path) !== own);
  if (other === undefined) return;
  throw new CmirError(
    'ERR_CMIR_NATIVE',
    `this process has loaded another copy of cmir, ${other}, and can hold one: ${own} is not loaded; ` +
      'let all parts of the program use the same package (npm dedupe), or separate processes',
  );
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

/** Once loaded under their own names, LibTorch's libraries serve the addon from wherever they are. */
function openLibraries(loader: Loader, { root, version }: Libtorch): void {
  for (const name of ['c10', 'torch_cpu', 'torch_cuda', 'torch']) {
    const library = libraryFile(root, name);
    if (name === 'torch_cuda' && !existsSync(library)) continue;
    try {
      loader.open(library);
    } catch (cause) {
      throw new CmirError(
        'ERR_CMIR_LIBTORCH',
        `LibTorch ${version} in ${root} does not load: ${messageOf(cause)}; ` +
          'set LIBTORCH to another, or remove that folder and run: npx cmir setup',
        { cause },
      );
    }
  }
}
