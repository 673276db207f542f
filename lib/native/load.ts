import bindings from 'bindings';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { CmirError, messageOf } from '../errors';
import { PACKAGE_ROOT, buildFiles, builtFor } from './build';
import { findLibtorch, minorVersion, type Libtorch } from './libtorch';

export type Binding = typeof import('../../binding');

/** The small addon that opens LibTorch's libraries: native/binding/loader.cc. */
interface Loader {
  readonly torchVersion: string;
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
  if (builtFor(root) === undefined) {
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      `the native addon is not built in ${buildFiles(root).release}; run: npx cmir setup`,
    );
  }
  const libtorch = findLibtorch(env);
  if (libtorch === undefined) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      'LibTorch is not found; run: npx cmir setup, or set LIBTORCH to a folder that holds include/ and lib/',
    );
  }
  const loader = requireAddon(root, 'cmir_loader') as Loader;
  checkVersions(loader.torchVersion, libtorch, buildFiles(root).addon);
  openLibraries(loader, libtorch);
  return requireAddon(root, 'cmir') as Binding;
}

function requireAddon(root: string, name: string): unknown {
  try {
    return bindings({ bindings: name, module_root: root });
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      `the native addon ${name}.node in ${buildFiles(root).release} does not load: ` +
        `${messageOf(cause)}; run: npx cmir setup --rebuild`,
      { cause },
    );
  }
}

/** Refuses a LibTorch of another minor version before any of it is loaded: its symbols would not fit. */
export function checkVersions(builtForVersion: string, libtorch: Libtorch, addon: string): void {
  const minor = minorVersion(builtForVersion);
  if (minor === minorVersion(libtorch.version)) return;
  throw new CmirError(
    'ERR_CMIR_LIBTORCH',
    `the native addon ${addon} is built for LibTorch ${minor}, but found LibTorch ${libtorch.version} ` +
      `in ${libtorch.root} (${libtorch.reason}); run: npx cmir setup --rebuild (builds it for that one), ` +
      `or set LIBTORCH to a LibTorch ${minor}`,
  );
}

/** Once loaded under their own names, LibTorch's libraries serve the addon from wherever they are. */
function openLibraries(loader: Loader, { root, version }: Libtorch): void {
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';
  for (const name of ['c10', 'torch_cpu', 'torch_cuda', 'torch']) {
    const library = join(root, 'lib', `lib${name}.${extension}`);
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
