import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { buildFiles, builtFor } from '../../lib/native/build';
import { minorVersion } from '../../lib/native/libtorch';
import { loadAddonFrom } from '../../lib/native/load';
import { probeAddon } from '../../lib/native/probe';
import { ROOT } from '../helpers/program';
import {
  breakAddon,
  errorOf,
  fakeLibtorch,
  installPackage,
  newFolder,
  otherVersion,
  realLibtorch,
  removeFolders,
  write,
} from './fixture';

afterEach(removeFolders);

/** The real LibTorch, and a cache of the test's own. */
const realEnv = () => ({ LIBTORCH: realLibtorch().root, XDG_CACHE_HOME: newFolder() });
const VERSION = builtFor(ROOT) as string;

describe('what keeps the addon from loading is named, with the command to run', () => {
  test('no build', async () => {
    const root = newFolder();
    const error = await errorOf(() => loadAddonFrom(root, realEnv()));
    expect(error.code).toBe('ERR_CMIR_NOT_BUILT');
    expect(error.message).toBe(
      `the native addon is not built in ${buildFiles(root).release}; run: npx cmir setup`,
    );
  });

  test.each(['addon', 'loader', 'stamp'] as const)('a build without its %s', async (file) => {
    const root = installPackage();
    rmSync(buildFiles(root)[file]);
    const error = await errorOf(() => loadAddonFrom(root, realEnv()));
    expect(error.code).toBe('ERR_CMIR_NOT_BUILT');
    expect(error.message).toContain('run: npx cmir setup');
  });

  test.each([
    ['addon', 'cmir.node'],
    ['loader', 'cmir_loader.node'],
  ] as const)('the %s is no library', async (file, name) => {
    const root = installPackage();
    write(buildFiles(root)[file], 'junk');
    const error = await errorOf(() => loadAddonFrom(root, realEnv()));
    expect(error.code).toBe('ERR_CMIR_NOT_BUILT');
    expect(error.message).toContain(
      `the native addon ${name} in ${buildFiles(root).release} does not load: `,
    );
    expect(error.message).toMatch(/; run: npx cmir setup --rebuild$/);
  });

  test('no LibTorch', async () => {
    const env = { XDG_CACHE_HOME: newFolder() };
    const error = await errorOf(() => loadAddonFrom(ROOT, env));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toMatch(/^LibTorch is not found; run: npx cmir setup, or set LIBTORCH/);
  });

  test('a LibTorch of another minor version, before any of it is loaded', async () => {
    const other = otherVersion();
    // Its library is an empty file: to load it would be another error.
    const LIBTORCH = fakeLibtorch(newFolder(), other);
    const root = installPackage();
    const error = await errorOf(() => loadAddonFrom(root, { LIBTORCH }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    const minor = minorVersion(VERSION);
    expect(error.message).toContain(`${buildFiles(root).addon} is built for LibTorch ${minor}, `);
    expect(error.message).toContain(`found LibTorch ${other} in ${LIBTORCH} (`);
    expect(error.message).toContain('run: npx cmir setup --rebuild (builds it for that one)');
    expect(error.message).toContain(`or set LIBTORCH to a LibTorch ${minor}`);
  });

  test('a LibTorch of its version that is damaged', async () => {
    const LIBTORCH = fakeLibtorch(newFolder(), VERSION);
    const env = { LIBTORCH, XDG_CACHE_HOME: newFolder() };
    const error = await errorOf(() => loadAddonFrom(ROOT, env));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`LibTorch ${VERSION} in ${LIBTORCH} does not load: `);
    expect(error.message).toContain('set LIBTORCH to another');
  });
});

describe('probeAddon', () => {
  test('tells what the addon sees', async () => {
    const { engine } = await probeAddon(ROOT, { ...process.env, ...realEnv() });
    expect(engine?.builtFor).toBe(VERSION.split('+')[0]);
  });

  test('tells why it does not load', async () => {
    const root = newFolder();
    expect(await probeAddon(root, realEnv())).toEqual({
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
      message: expect.stringContaining(buildFiles(root).release) as string,
    });
  });

  test('outlives a binary that ends its process', async () => {
    const root = installPackage();
    breakAddon(root);
    expect(await probeAddon(root, realEnv())).toEqual({
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
      message: expect.stringMatching(
        /ended by SIG.*; run: npx cmir setup --rebuild, or set/,
      ) as string,
    });
  });
});

describe('the binaries may be moved', () => {
  const { addon, loader } = buildFiles(ROOT);
  const BINARIES = [
    ['cmir.node', addon],
    ['cmir_loader.node', loader],
  ] as const;
  const readelf = spawnSync('readelf', ['--version']).status === 0;
  if (!readelf) console.warn('skipped: the run paths of the binaries, readelf is not there');

  test.each(BINARIES)('%s names no path of the machine it was built on', (_, file) => {
    const bytes = readFileSync(file);
    const folders = [ROOT, realLibtorch().root, homedir()].filter((folder) => folder !== '/');
    for (const path of folders.map((folder) => join(folder, '/'))) {
      expect({ path, at: bytes.indexOf(path) }).toEqual({ path, at: -1 });
    }
    // It is not that nothing is found.
    expect(bytes.indexOf('napi_register_module_v1')).toBeGreaterThan(0);
  });

  (readelf ? test : test.skip).each(BINARIES)('%s looks beside itself alone', (_, file) => {
    const { stdout } = spawnSync('readelf', ['-d', '--wide', file], { encoding: 'utf8' });
    expect(stdout).toContain('(NEEDED)');
    const runPaths = stdout.split('\n').filter((line) => /\((RPATH|RUNPATH)\)/.test(line));
    expect(runPaths.map((line) => /\[(.*)\]/.exec(line)?.[1])).toEqual(['$ORIGIN']);
    expect(stdout).not.toMatch(/\(NEEDED\).*\[.*\//);
  });

  test('they work in another place', async () => {
    const { engine } = await probeAddon(installPackage(), realEnv());
    expect(engine?.builtFor).toBe(VERSION.split('+')[0]);
  });
});
