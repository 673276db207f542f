import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

import { CmirError } from '../errors';
import { cudaDefinitions, findNvcc } from './cuda';
import { minorVersion, type Libtorch } from './libtorch';
import { whileLocked } from './lock';
import { problemError } from './problem';
import { run } from './run';
import { buildProblems, compilerName } from './tools';

/** The package's folder, from lib/native as from dist/native. */
export const PACKAGE_ROOT = join(__dirname, '..', '..');

/** Where a package in `root` has its native build. */
export function buildFiles(root: string = PACKAGE_ROOT) {
  const build = join(root, 'build');
  const release = join(build, 'Release');
  return {
    build,
    release,
    addon: join(release, 'cmir.node'),
    loader: join(release, 'cmir_loader.node'),
    /** Written last: a build without it was interrupted. */
    stamp: join(release, 'cmir.json'),
    log: join(build, 'cmir-build.log'),
    lock: join(build, 'cmir-build.lock'),
  } as const;
}

/** What a finished build says of itself. */
export interface Stamp {
  /** The version of LibTorch it was built for. */
  readonly torch: string;
  /** Whether it has kernels for CUDA devices. */
  readonly cuda: boolean;
}

/** The stamp of the addon that was built; undefined when there is no finished build. */
export function buildStamp(root: string = PACKAGE_ROOT): Stamp | undefined {
  const { addon, loader, stamp } = buildFiles(root);
  if (![addon, loader, stamp].every((file) => existsSync(file))) return undefined;
  try {
    const { torch, cuda } = JSON.parse(readFileSync(stamp, 'utf8')) as Partial<Stamp>;
    return torch === undefined ? undefined : { torch, cuda: cuda === true };
  } catch {
    return undefined;
  }
}

/** The LibTorch version the addon was built for; undefined when there is no finished build. */
export function builtFor(root: string = PACKAGE_ROOT): string | undefined {
  return buildStamp(root)?.torch;
}

/** True when the addon fits this LibTorch and no source is newer than it. */
export function isUpToDate(libtorch: Libtorch, root: string = PACKAGE_ROOT): boolean {
  const version = builtFor(root);
  if (version === undefined || minorVersion(version) !== minorVersion(libtorch.version)) {
    return false;
  }
  const built = statSync(buildFiles(root).stamp).mtimeMs;
  const sources = [join(root, 'CMakeLists.txt'), ...filesUnder(join(root, 'native'))];
  return sources.every((file) => statSync(file).mtimeMs <= built);
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export interface BuildOptions {
  /** Compile everything anew, even when the addon is up to date. */
  readonly rebuild?: boolean;
  readonly log?: (line: string) => void;
  readonly env?: NodeJS.ProcessEnv;
  /** The package's folder. */
  readonly root?: string;
}

/**
 * Compiles the addon against `libtorch` with cmake-js, unless it is up to date; true when it compiled. One
 * process builds at a time, the others wait. Throws ERR_CMIR_SETUP with the compiler's own words.
 */
export async function buildAddon(libtorch: Libtorch, options: BuildOptions = {}): Promise<boolean> {
  const {
    rebuild = false,
    log = () => undefined,
    env = process.env,
    root = PACKAGE_ROOT,
  } = options;
  const { build, lock } = buildFiles(root);
  if (!rebuild && isUpToDate(libtorch, root)) return false;
  await mkdir(build, { recursive: true }).catch((cause: unknown) => {
    const fix = 'run as the owner of that folder: npx cmir setup';
    throw problemError('ERR_CMIR_SETUP', { what: `cannot write ${build}`, fix }, cause);
  });
  const waiting = (owner: string): void => {
    log(`waiting for the build of another process (${owner})`);
  };
  return whileLocked(lock, waiting, async () => {
    if (!rebuild && isUpToDate(libtorch, root)) return false;
    await compile(libtorch, { rebuild, log, env, root });
    return true;
  });
}

async function compile(
  libtorch: Libtorch,
  { rebuild, log, env, root }: Required<BuildOptions>,
): Promise<void> {
  const { build, release, stamp, log: logFile } = buildFiles(root);
  const [problem] = await buildProblems(env);
  if (problem !== undefined) {
    const fix = `${problem.fix}, then run: npx cmir setup`;
    throw problemError('ERR_CMIR_SETUP', { what: problem.what, fix });
  }
  log(`compiling the native addon against LibTorch ${libtorch.version} in ${libtorch.root}`);
  const nvcc = await findNvcc(libtorch, env);
  if (nvcc !== undefined) log(`with kernels for CUDA devices, by ${nvcc}`);
  else if (libtorch.variant !== 'cpu') {
    log('without kernels for CUDA devices: no nvcc of that CUDA version in CUDACXX or PATH');
  }
  await rm(stamp, { force: true });
  if (rebuild || !isReusable(libtorch, nvcc, root)) {
    // The build folder holds other things too, such as the C++ tests'.
    for (const path of [
      release,
      ...['CMakeCache.txt', 'CMakeFiles'].map((name) => join(build, name)),
    ]) {
      await rm(path, { recursive: true, force: true });
    }
  }
  const program = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const definitions = [`CMIR_LIBTORCH=${libtorch.root}`, ...cudaDefinitions(nvcc)];
  const args = ['build', '--out', build, ...definitions.map((definition) => `--CD${definition}`)];
  // Told neither compiler, cmake-js insists on g++ or clang++; CMake takes a launcher and its compiler as a list.
  const compilers = ['--cc=cc', `--cxx=${compilerName(env).replaceAll(' ', ';')}`];
  const parallel = ['--parallel', String(availableParallelism())];
  const command = [program, ...args, ...compilers, ...parallel];
  const { status, output } = await run(process.execPath, command, {
    env,
    cwd: root,
    logFile,
  });
  if (status !== 0) throw compileError(output, logFile);
  const done: Stamp = { torch: libtorch.version, cuda: nvcc !== undefined };
  await writeFile(stamp, `${JSON.stringify(done)}\n`);
}

/** CMake keeps what it first saw: a cache for another LibTorch or place, or of a failed configuration, is of no use. */
function isReusable(libtorch: Libtorch, nvcc: string | undefined, root: string): boolean {
  const { build } = buildFiles(root);
  const cache = join(build, 'CMakeCache.txt');
  if (!['build.ninja', 'Makefile'].some((name) => existsSync(join(build, name)))) return false;
  if (!existsSync(cache)) return false;
  const text = readFileSync(cache, 'utf8');
  return (
    text.includes(`CMIR_LIBTORCH:PATH=${libtorch.root}\n`) &&
    text.includes('CMIR_CUDA:BOOL=ON\n') === (nvcc !== undefined) &&
    text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`)
  );
}

/** Lines worth showing of a failed build, and no more than fit on a screen. */
const SHOWN_LINES = 6;

function compileError(output: string, logFile: string): CmirError {
  const lines = output.trim().split('\n');
  const killed = /Killed|internal compiler error|Cannot allocate memory/.test(output);
  const errors = lines.filter((line) =>
    /\berror\b|fatal|undefined reference|No space left/i.test(line),
  );
  const shown = errors.length > 0 ? errors : lines;
  return problemError('ERR_CMIR_SETUP', {
    what: 'compiling the native addon failed',
    fix:
      `the whole log is in ${logFile}` +
      (killed ? ' (the compiler was ended: it may need more memory, 2 GB a core)' : '') +
      `; it says:\n${shown.slice(-SHOWN_LINES).join('\n')}`,
  });
}
