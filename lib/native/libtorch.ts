import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

import { CmirError } from '../errors';

/** The LibTorch that is fetched when none is found. */
export const PINNED_VERSION = '2.13.0';

/** Minor versions the source compiles against. */
const SUPPORTED = { major: 2, oldest: 11, newest: 13 };

/** How LibTorch was found: named by a variable, the one of Python's torch, or fetched into the cache. */
export type LibtorchSource = 'LIBTORCH' | 'LIBTORCH_USE_PYTORCH' | 'cache';

/** A LibTorch that was found. */
export interface Libtorch {
  /** The folder that holds include/ and lib/. */
  readonly root: string;
  /** For example 2.13.0+cpu. */
  readonly version: string;
  /** `cpu`, a CUDA build such as `cu130`, or `cuda` where its version is not written down. */
  readonly variant: string;
  /** What led to it. */
  readonly source: LibtorchSource;
  /** Why this one, in a sentence. */
  readonly reason: string;
}

/** The build that CMIR_TORCH_VARIANT asks for: `cpu` (also when unset), or a CUDA one such as `cu130`. */
export function torchVariant(env: NodeJS.ProcessEnv = process.env): string {
  const variant = env['CMIR_TORCH_VARIANT'] ?? '';
  if (!/^(|cpu|cu\d{3})$/.test(variant)) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `CMIR_TORCH_VARIANT: found '${variant}'; expected cpu, or a CUDA build such as cu130`,
    );
  }
  return variant === '' ? 'cpu' : variant;
}

/** The project's own cache: XDG_CACHE_HOME/cmir, or ~/.cache/cmir. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(base) ? base : join(homedir(), '.cache'), 'cmir');
}

/** Where the fetched wheel of this variant is unpacked; its LibTorch is the folder `torch` in it. */
export function cachedWheel(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheRoot(env), `libtorch-${PINNED_VERSION}-${torchVariant(env)}`);
}

/**
 * The LibTorch to use, looked for in this order: LIBTORCH, LIBTORCH_USE_PYTORCH=1, the cache.
 * Undefined when only a download would help. Throws ERR_CMIR_LIBTORCH when what was named or cached is
 * no LibTorch or one of an unsupported version.
 */
export function findLibtorch(env: NodeJS.ProcessEnv = process.env): Libtorch | undefined {
  const folder = env['LIBTORCH'] ?? '';
  if (folder !== '') {
    return inspectLibtorch(
      resolve(folder),
      'LIBTORCH',
      'the environment variable LIBTORCH names it',
    );
  }
  if (env['LIBTORCH_USE_PYTORCH'] === '1') {
    const reason = 'LIBTORCH_USE_PYTORCH=1 asks for the torch of python3';
    return inspectLibtorch(pythonTorch(env), 'LIBTORCH_USE_PYTORCH', reason);
  }
  return findCached(env);
}

/** A CUDA build was asked for once, the CPU build is what comes unasked: without a wish CUDA goes first. */
function findCached(env: NodeJS.ProcessEnv): Libtorch | undefined {
  const wish = env['CMIR_TORCH_VARIANT'] ?? '';
  const root = cacheRoot(env);
  const fetched = existsSync(root)
    ? readdirSync(root).filter((name) => /^(cpu|cu\d{3})$/.test(variantOfWheel(name)))
    : [];
  const wheel =
    wish === ''
      ? fetched.sort().at(-1)
      : fetched.find((name) => variantOfWheel(name) === torchVariant(env));
  if (wheel === undefined) return undefined;
  const reason =
    wish === ''
      ? 'an earlier setup fetched it into the cache'
      : `an earlier setup fetched it into the cache, and CMIR_TORCH_VARIANT=${wish} asks for it`;
  return inspectLibtorch(join(root, wheel, 'torch'), 'cache', reason);
}

function variantOfWheel(folder: string): string {
  const prefix = `libtorch-${PINNED_VERSION}-`;
  return folder.startsWith(prefix) ? folder.slice(prefix.length) : '';
}

/** The folder of python3's torch package, found without importing it. */
function pythonTorch(env: NodeJS.ProcessEnv): string {
  // The first entry of sys.path is the working directory, where a folder named torch is no package.
  const program = [
    'import sys, importlib.util',
    'sys.path = [p for p in sys.path if p]',
    'spec = importlib.util.find_spec("torch")',
    'print(spec.submodule_search_locations[0] if spec and spec.origin else "")',
  ].join('\n');
  let found: string;
  try {
    found = execFileSync('python3', ['-c', program], {
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
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

/** Checks that `root` holds a LibTorch that the source compiles against, and reads what it is. */
export function inspectLibtorch(root: string, source: LibtorchSource, reason: string): Libtorch {
  const elsewhere =
    source === 'cache'
      ? `remove it (rm -r '${root}'), then run: npx cmir setup`
      : `point LIBTORCH at a folder that holds include/ and lib/, or unset ${source} and run: npx cmir setup`;
  const library = process.platform === 'darwin' ? 'libtorch.dylib' : 'libtorch.so';
  for (const part of ['include/torch/library.h', `lib/${library}`]) {
    if (!existsSync(join(root, part))) {
      throw new CmirError(
        'ERR_CMIR_LIBTORCH',
        `no LibTorch in ${root} (${reason}): expected ${part} there; ${elsewhere}`,
      );
    }
  }
  const version = readVersion(root);
  if (version === undefined) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      `cannot tell the version of the LibTorch in ${root} (${reason}): found neither version.py, ` +
        `build-version nor include/torch/headeronly/version.h; ${elsewhere}`,
    );
  }
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const { major: supported, oldest, newest } = SUPPORTED;
  if (major !== supported || minor < oldest || minor > newest) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      `LibTorch ${version} in ${root} (${reason}) is not supported: expected ` +
        `${String(supported)}.${String(oldest)} to ${String(supported)}.${String(newest)}; ${elsewhere}`,
    );
  }
  return { root, version, variant: readVariant(root, version), source, reason };
}

/** The version of the LibTorch in `root`, with its variant where that is written down. */
export function readVersion(root: string): string | undefined {
  return (
    firstMatch(join(root, 'version.py'), /^__version__ = '(\d[^']*)'/m) ??
    firstMatch(join(root, 'build-version'), /^(\d\S*)/) ??
    firstMatch(
      join(root, 'include/torch/headeronly/version.h'),
      /define TORCH_VERSION\s*\\?\s*"(\d[^"]*)"/,
    )
  );
}

function readVariant(root: string, version: string): string {
  const local = /\+(cpu|cu\d{3})/.exec(version)?.[1];
  if (local !== undefined) return local;
  // PyPI's CUDA build has no local version, but names its CUDA.
  const cuda = firstMatch(join(root, 'version.py'), /^cuda\b.*= '(\d+\.\d+)'/m);
  if (cuda !== undefined) return `cu${cuda.replace('.', '')}`;
  return existsSync(join(root, 'lib', 'libtorch_cuda.so')) ? 'cuda' : 'cpu';
}

function firstMatch(file: string, pattern: RegExp): string | undefined {
  return existsSync(file) ? pattern.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
}

/** `2.13` of `2.13.0+cpu`: a binary fits every LibTorch of its minor version. */
export function minorVersion(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
