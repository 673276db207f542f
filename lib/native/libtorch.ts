import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

import { CmirError } from '../errors';

/** The LibTorch that is fetched when none is found. */
export const PINNED_VERSION = '2.13.0';

/** Minor versions the source compiles against. */
const SUPPORTED = { oldest: 11, newest: 13 };

export type LibtorchSource = 'LIBTORCH' | 'LIBTORCH_USE_PYTORCH' | 'cache';

export interface Libtorch {
  /** The folder that holds include/ and lib/. */
  readonly root: string;
  /** For example 2.13.0+cpu. */
  readonly version: string;
  readonly source: LibtorchSource;
  /** Why this one, in a sentence. */
  readonly reason: string;
}

/** The build of LibTorch asked for by CMIR_TORCH_VARIANT: `cpu` (default), or a CUDA one such as `cu130`. */
export function torchVariant(env: NodeJS.ProcessEnv = process.env): string {
  const variant = env['CMIR_TORCH_VARIANT'] ?? 'cpu';
  if (!/^(cpu|cu\d{3})$/.test(variant)) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `CMIR_TORCH_VARIANT: found '${variant}', expected cpu or a CUDA build such as cu130`,
    );
  }
  return variant;
}

/** The project's own cache: XDG_CACHE_HOME/cmir, or ~/.cache/cmir. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'];
  return join(base !== undefined && base !== '' ? base : join(homedir(), '.cache'), 'cmir');
}

/** Where the fetched wheel of this variant is unpacked; its LibTorch is the folder `torch` in it. */
export function cachedWheel(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheRoot(env), `libtorch-${PINNED_VERSION}-${torchVariant(env)}`);
}

/**
 * The LibTorch to use, looked for in this order: LIBTORCH, LIBTORCH_USE_PYTORCH=1, the cache.
 * Undefined when only a download would help. Throws ERR_CMIR_LIBTORCH when what the user names is not one.
 */
export function findLibtorch(env: NodeJS.ProcessEnv = process.env): Libtorch | undefined {
  const folder = env['LIBTORCH'];
  if (folder !== undefined && folder !== '') {
    return inspect(resolve(folder), 'LIBTORCH', 'the environment variable LIBTORCH names it');
  }
  if (env['LIBTORCH_USE_PYTORCH'] === '1') {
    return inspect(
      pythonTorch(env),
      'LIBTORCH_USE_PYTORCH',
      'LIBTORCH_USE_PYTORCH=1 asks for the torch of python3',
    );
  }
  const cached = join(cachedWheel(env), 'torch');
  return existsSync(cached)
    ? inspect(cached, 'cache', 'an earlier setup fetched it into the cache')
    : undefined;
}

/** The folder of python3's torch package, found without importing it. */
function pythonTorch(env: NodeJS.ProcessEnv): string {
  const program =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';
  let found: string;
  try {
    found = execFileSync('python3', ['-c', program], { env, encoding: 'utf8' }).trim();
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      'LIBTORCH_USE_PYTORCH=1 is set, but python3 does not run; install it, or unset the variable',
      { cause },
    );
  }
  if (found === '') {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      'LIBTORCH_USE_PYTORCH=1 is set, but python3 has no package torch; ' +
        `run: python3 -m pip install torch==${PINNED_VERSION}, or unset the variable`,
    );
  }
  return found;
}

function inspect(root: string, source: LibtorchSource, reason: string): Libtorch {
  const library = process.platform === 'darwin' ? 'libtorch.dylib' : 'libtorch.so';
  for (const part of ['include/torch/library.h', `lib/${library}`]) {
    if (!existsSync(join(root, part))) {
      throw new CmirError(
        'ERR_CMIR_LIBTORCH',
        `no LibTorch in ${root} (${reason}): expected ${part} there; ` +
          'point LIBTORCH at the folder that holds include/ and lib/, or unset it to have one fetched',
      );
    }
  }
  const version = readVersion(root);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major !== 2 || minor < SUPPORTED.oldest || minor > SUPPORTED.newest) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      `LibTorch ${version} in ${root} is not supported: expected ` +
        `2.${String(SUPPORTED.oldest)} to 2.${String(SUPPORTED.newest)}; unset ${source} to have ${PINNED_VERSION} fetched`,
    );
  }
  return { root, version, source, reason };
}

/** The version of the LibTorch in `root`, with its variant where that is written down. */
export function readVersion(root: string): string {
  const read = (file: string, pattern: RegExp): string | undefined =>
    existsSync(join(root, file)) ? pattern.exec(readFileSync(join(root, file), 'utf8'))?.[1] : undefined;
  const version =
    read('version.py', /^__version__ = '([^']+)'/m) ??
    read('build-version', /^(\S+)/) ??
    read('include/torch/headeronly/version.h', /define TORCH_VERSION\s*\\?\s*"([^"]+)"/);
  if (version === undefined) {
    throw new CmirError('ERR_CMIR_LIBTORCH', `cannot tell the version of the LibTorch in ${root}`);
  }
  return version;
}

/** `2.13` of `2.13.0+cpu`: binaries fit all LibTorch of one minor version. */
export function minorVersion(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
