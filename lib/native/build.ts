import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { CmirError } from '../errors';
import type { Libtorch } from './libtorch';
import { minorVersion } from './libtorch';
import { run } from './run';

/** The package's folder, from lib/native as from dist/native. */
export const PACKAGE_ROOT = join(__dirname, '..', '..');

const BUILD = join(PACKAGE_ROOT, 'build');
export const ADDON = join(BUILD, 'Release', 'cmir.node');
export const LOADER = join(BUILD, 'Release', 'cmir_loader.node');
/** Written last: a build without it was interrupted. */
const STAMP = join(BUILD, 'Release', 'cmir.json');

/** The LibTorch version the addon was built for; undefined when there is no finished build. */
export function builtFor(): string | undefined {
  if (![ADDON, LOADER, STAMP].every((file) => existsSync(file))) return undefined;
  return (JSON.parse(readFileSync(STAMP, 'utf8')) as { torch?: string }).torch;
}

/** True when the addon fits this LibTorch and no source is newer than it. */
export function isUpToDate(libtorch: Libtorch): boolean {
  const version = builtFor();
  if (version === undefined || minorVersion(version) !== minorVersion(libtorch.version)) return false;
  const built = statSync(STAMP).mtimeMs;
  const sources = [join(PACKAGE_ROOT, 'CMakeLists.txt'), ...filesUnder(join(PACKAGE_ROOT, 'native'))];
  return sources.every((file) => statSync(file).mtimeMs <= built);
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Compiles the addon against `libtorch` with cmake-js. Throws ERR_CMIR_SETUP with the compiler's own words. */
export async function buildAddon(libtorch: Libtorch, log: (line: string) => void): Promise<void> {
  await checkTools();
  log(`compiling the native addon against LibTorch ${libtorch.version} in ${libtorch.root}`);
  await rm(STAMP, { force: true });
  await dropForeignCache(libtorch);
  // Compiling from a terminal's environment must not depend on what npm happened to set.
  const cmakeJs = join(dirname(require.resolve('cmake-js/package.json')), 'bin', 'cmake-js');
  const args = [cmakeJs, 'build', '--out', BUILD, `--CDCMIR_LIBTORCH=${libtorch.root}`];
  const { status, output } = await run(process.execPath, args, { cwd: PACKAGE_ROOT });
  await mkdir(BUILD, { recursive: true });
  const logFile = join(BUILD, 'cmir-build.log');
  await writeFile(logFile, output);
  if (status !== 0) {
    const errors = output.split('\n').filter((line) => /error|fatal|No space left/i.test(line));
    throw new CmirError(
      'ERR_CMIR_SETUP',
      `compiling the native addon failed; the whole log is in ${logFile}; it says:\n` +
        (errors.length > 0 ? errors.slice(0, 5) : output.trim().split('\n').slice(-5)).join('\n'),
    );
  }
  await writeFile(STAMP, `${JSON.stringify({ torch: libtorch.version })}\n`);
}

/** CMake keeps the folders it first saw: a cache made for another LibTorch or another place is of no use. */
async function dropForeignCache(libtorch: Libtorch): Promise<void> {
  const cache = join(BUILD, 'CMakeCache.txt');
  if (!existsSync(cache)) return;
  const text = readFileSync(cache, 'utf8');
  if (
    !text.includes(`CMIR_LIBTORCH:PATH=${libtorch.root}\n`) ||
    !text.includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${PACKAGE_ROOT}\n`)
  ) {
    await rm(BUILD, { recursive: true, force: true });
  }
}

/** What compiling needs, each missing piece with the command that brings it. */
async function checkTools(): Promise<void> {
  const cmake = await toolVersion('cmake');
  if (cmake === undefined) {
    throw new CmirError(
      'ERR_CMIR_SETUP',
      'CMake is missing; install it (Debian: apt-get install cmake; elsewhere: python3 -m pip install cmake), ' +
        'then run: npx cmir setup',
    );
  }
  const compiler = process.env['CXX'] ?? 'c++';
  const probe = await run('sh', [
    '-c',
    `printf '#include <concepts>\\nstatic_assert(__cplusplus >= 202002L);' | ${compiler} -std=c++20 -fsyntax-only -x c++ -`,
  ]);
  if (probe.status !== 0) {
    const version = await toolVersion(compiler);
    throw new CmirError(
      'ERR_CMIR_SETUP',
      version === undefined
        ? `the C++ compiler '${compiler}' is missing; install one (Debian: apt-get install g++), then run: npx cmir setup`
        : `the C++ compiler '${compiler}' (${version}) does not compile C++20; install GCC 11, Clang 14 or later, ` +
            'or name another with CXX, then run: npx cmir setup',
    );
  }
}

/** The first version number a tool prints of itself; undefined when it does not run. */
export async function toolVersion(program: string): Promise<string | undefined> {
  const { status, output } = await run(program, ['--version']);
  return status === 0 ? (/\d+\.\d+(\.\d+)?/.exec(output)?.[0] ?? output.trim()) : undefined;
}
