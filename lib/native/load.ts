import bindings from 'bindings';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { CmirError, messageOf } from '../errors';
import { LOADER, PACKAGE_ROOT, builtFor } from './build';
import { findLibtorch, minorVersion, type Libtorch } from './libtorch';

export type Binding = typeof import('../../binding');

/** The small addon that opens LibTorch's libraries: native/binding/loader.cc. */
interface Loader {
  readonly torchVersion: string;
  open(path: string): void;
}

let loaded: Binding | undefined;

/**
 * The native addon, loaded on the first call of each thread. It never fetches or builds anything: it throws
 * ERR_CMIR_NOT_BUILT or ERR_CMIR_LIBTORCH, whose messages name the command to run.
 */
export function loadAddon(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  if (builtFor() === undefined) {
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      'the native addon is not built; run: npx cmir setup (in a clone of cmir: npm run -s cmir -- setup)',
    );
  }
  const libtorch = findLibtorch();
  if (libtorch === undefined) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      'LibTorch is not found; run: npx cmir setup, or set LIBTORCH to a folder that holds include/ and lib/',
    );
  }
  try {
    const loader = bindings({ bindings: 'cmir_loader', module_root: PACKAGE_ROOT }) as Loader;
    checkVersions(loader.torchVersion, libtorch);
    openLibraries(loader, libtorch);
    return bindings({ bindings: 'cmir', module_root: PACKAGE_ROOT }) as Binding;
  } catch (cause) {
    if (cause instanceof CmirError) throw cause;
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      `the native addon does not load with LibTorch ${libtorch.version} in ${libtorch.root}: ` +
        `${messageOf(cause)}; run: npx cmir doctor`,
      { cause },
    );
  }
}

/** Refuses a LibTorch of another minor version before any of it is loaded: its symbols would not fit. */
export function checkVersions(builtForVersion: string, libtorch: Libtorch): void {
  if (minorVersion(builtForVersion) === minorVersion(libtorch.version)) return;
  throw new CmirError(
    'ERR_CMIR_LIBTORCH',
    `the addon ${LOADER} is built for LibTorch ${minorVersion(builtForVersion)}, found ${libtorch.version} in ` +
      `${libtorch.root} (${libtorch.reason}); run: npx cmir setup, which builds it for that one, ` +
      `or choose a LibTorch ${minorVersion(builtForVersion)} with LIBTORCH`,
  );
}

/** Once loaded under their own names, LibTorch's libraries serve the addon from wherever they are. */
function openLibraries(loader: Loader, { root }: Libtorch): void {
  const extension = process.platform === 'darwin' ? 'dylib' : 'so';
  for (const name of ['c10', 'torch_cpu', 'torch_cuda', 'torch']) {
    const library = join(root, 'lib', `lib${name}.${extension}`);
    if (name !== 'torch_cuda' || existsSync(library)) loader.open(library);
  }
}
