import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';

import { CmirError } from '../errors';
import { closestTo } from '../suggest';
import { PINNED } from './fetch/pinned';

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

/** A CUDA build's name, by CUDA's version. */
const VARIANT = /^(cpu|cu\d{3})$/;

/** Checks the name of a build: `cpu`, or a CUDA one such as `cu130`. Throws ERR_CMIR_USAGE. */
export function parseVariant(where: string, text: string): string {
  if (VARIANT.test(text)) return text;
  const known = [...new Set(PINNED.map(({ variant }) => variant))];
  const meant = /cuda|gpu|nvidia/i.test(text) ? 'cu130' : closestTo(text, known);
  const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${where}: found '${text}'${hint}; expected cpu, or a CUDA build such as cu130`,
  );
}

/** Checks a version such as `2.13.0`. Throws ERR_CMIR_USAGE. */
export function parseVersion(where: string, text: string): string {
  const [, major, minor] = /^(\d+)\.(\d+)\.\d+$/.exec(text) ?? [];
  if (isSupported(Number(major), Number(minor))) return text;
  const hint = /^\d+\.\d+$/.test(text) ? ` (did you mean ${text}.0?)` : '';
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${where}: found '${text}'${hint}; expected a version of LibTorch ${supportedVersions()}, such as ${PINNED_VERSION}`,
  );
}

function isSupported(major: number, minor: number): boolean {
  const { major: supported, oldest, newest } = SUPPORTED;
  return major === supported && minor >= oldest && minor <= newest;
}

function supportedVersions(): string {
  const { major, oldest, newest } = SUPPORTED;
  return `${String(major)}.${String(oldest)} to ${String(major)}.${String(newest)}`;
}

/** The build that CMIR_TORCH_VARIANT asks for: `cpu` (also when unset), or a CUDA one such as `cu130`. */
export function torchVariant(env: NodeJS.ProcessEnv = process.env): string {
  const variant = env['CMIR_TORCH_VARIANT'] ?? '';
  return variant === '' ? 'cpu' : parseVariant('CMIR_TORCH_VARIANT', variant);
}

/** The version that CMIR_TORCH_VERSION asks for; unset, the one that is pinned for the variant. */
export function torchVersion(
  env: NodeJS.ProcessEnv = process.env,
  variant: string = torchVariant(env),
): string {
  const version = env['CMIR_TORCH_VERSION'] ?? '';
  if (version !== '') return parseVersion('CMIR_TORCH_VERSION', version);
  const platform = `${process.platform}-${process.arch}`;
  const build = PINNED.find((one) => one.platform === platform && one.variant === variant);
  return build?.version ?? PINNED_VERSION;
}

/** The project's own cache: XDG_CACHE_HOME/cmir, or ~/.cache/cmir. Throws ERR_CMIR_SETUP where there is no home. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env['XDG_CACHE_HOME'] ?? '';
  return join(isAbsolute(base) ? base : join(homeFolder(), '.cache'), 'cmir');
}

function homeFolder(): string {
  let home = '';
  try {
    home = homedir();
  } catch {
    // A user without an entry and without HOME.
  }
  if (isAbsolute(home)) return home;
  throw new CmirError(
    'ERR_CMIR_SETUP',
    'there is no home folder for the cache; set XDG_CACHE_HOME to a folder, or LIBTORCH to a LibTorch you have',
  );
}

/** Where a fetched build is unpacked, by default the one that `env` asks for; its LibTorch is `torch` in it. */
export function cachedWheel(
  env: NodeJS.ProcessEnv = process.env,
  build: { version: string; variant: string } = {
    version: torchVersion(env),
    variant: torchVariant(env),
  },
): string {
  return join(cacheRoot(env), `libtorch-${build.version}-${build.variant}`);
}

/** Names the build that a setup was last asked for, of several in the cache. */
function chosenFile(env: NodeJS.ProcessEnv): string {
  return join(cacheRoot(env), 'chosen');
}

/** Makes a build of the cache the one that is used from then on; a cache that cannot be written stays as it is. */
export function chooseCached({ root }: Libtorch, env: NodeJS.ProcessEnv = process.env): void {
  const folder = dirname(root);
  if (dirname(folder) !== cacheRoot(env)) return;
  try {
    writeFileSync(chosenFile(env), `${basename(folder)}\n`);
  } catch {
    // CMIR_TORCH_VARIANT and CMIR_TORCH_VERSION choose too.
  }
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

/** A build in the cache. */
interface Cached {
  readonly folder: string;
  readonly version: string;
  readonly variant: string;
}

/**
 * The build that the environment asks for, or the one that a setup was asked for last. Without either, a CUDA
 * build goes before the CPU build, which comes unasked.
 */
function findCached(env: NodeJS.ProcessEnv): Libtorch | undefined {
  const [variant, version] = [env['CMIR_TORCH_VARIANT'] ?? '', env['CMIR_TORCH_VERSION'] ?? ''];
  if (variant !== '') parseVariant('CMIR_TORCH_VARIANT', variant);
  if (version !== '') parseVersion('CMIR_TORCH_VERSION', version);
  const root = cacheRoot(env);
  const chosen = existsSync(chosenFile(env)) ? readFileSync(chosenFile(env), 'utf8').trim() : '';
  const ordinary = (build: Cached): boolean =>
    [PINNED_VERSION, torchVersion({}, build.variant)].includes(build.version);
  const fitting = fetchedBuilds(root).filter(
    (build) =>
      (variant === '' || build.variant === variant) &&
      (version === '' ? ordinary(build) || build.folder === chosen : build.version === version),
  );
  const build = fitting.find(({ folder }) => folder === chosen) ?? fitting.at(-1);
  if (build === undefined) return undefined;
  const wishes = [
    ...(variant === '' ? [] : [`CMIR_TORCH_VARIANT=${variant} asks for it`]),
    ...(version === '' ? [] : [`CMIR_TORCH_VERSION=${version} asks for it`]),
  ];
  const reason = ['an earlier setup fetched it into the cache', ...wishes].join(', and ');
  return inspectLibtorch(join(root, build.folder, 'torch'), 'cache', reason);
}

/** What the cache holds, CUDA builds last and of one variant the newest last; none that is still being fetched. */
function fetchedBuilds(root: string): Cached[] {
  if (!existsSync(root)) return [];
  return readdirSync(root)
    .flatMap((folder) => {
      const [, version = '', variant = ''] =
        /^libtorch-(\d+\.\d+\.\d+)-(cpu|cu\d{3})$/.exec(folder) ?? [];
      return version === '' || !existsSync(join(root, folder, 'torch'))
        ? []
        : [{ folder, version, variant }];
    })
    .sort(
      (a, b) =>
        a.variant.localeCompare(b.variant) ||
        a.version.localeCompare(b.version, 'en', { numeric: true }),
    );
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

/** The file of one of LibTorch's libraries, such as torch_cpu. */
export function libraryFile(root: string, name: string): string {
  return join(root, 'lib', `lib${name}.${process.platform === 'darwin' ? 'dylib' : 'so'}`);
}

/** Checks that `root` holds a LibTorch that the source compiles against, and reads what it is. */
export function inspectLibtorch(root: string, source: LibtorchSource, reason: string): Libtorch {
  const elsewhere =
    source === 'cache'
      ? `remove it (rm -r '${dirname(root)}'), then run: npx cmir setup`
      : `point LIBTORCH at a folder that holds include/ and lib/, or unset ${source} and run: npx cmir setup`;
  const library = relative(root, libraryFile(root, 'torch'));
  for (const part of ['include/torch/library.h', library]) {
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
  if (!isSupported(major, minor)) {
    throw new CmirError(
      'ERR_CMIR_LIBTORCH',
      `LibTorch ${version} in ${root} (${reason}) is not supported: expected ${supportedVersions()}; ` +
        elsewhere,
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
