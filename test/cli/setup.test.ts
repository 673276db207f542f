import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { buildFiles, builtFor } from '../../lib/native/build';
import type { Diagnosis } from '../../lib/native/doctor';
import { VERSION } from '../../lib/version';
import { ROOT, cmir } from '../helpers/program';
import {
  buildTools,
  fakeLibtorch,
  fakePath,
  installPackage,
  newFolder,
  otherVersion,
  realLibtorch,
  removeFolders,
} from '../native/fixture';
import { freshPath, removeFresh } from '../training/fixture';

afterEach(removeFolders);
afterAll(removeFresh);

/** An installed package on a machine whose tools are told of each call. */
function installed() {
  const root = installPackage();
  const { env, calls } = buildTools();
  return {
    root,
    calls,
    cmir: (args: string[], more: NodeJS.ProcessEnv = {}) =>
      cmir(args, { dist: join(root, 'dist'), env: { ...env, ...more }, cwd: newFolder() }),
  };
}

const EPOCH = [
  '--set',
  'threads=1',
  '--set',
  'training.epochs=1',
  '--set',
  'model.hidden=4',
  '--set',
  'model.latent=2',
];

describe('doctor', () => {
  test('--json prints one document: versions, LibTorch and why, devices, problems', async () => {
    const { code, stdout, stderr } = await cmir(['doctor', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const diagnosis = JSON.parse(stdout) as Diagnosis;
    expect(diagnosis).toMatchObject({
      cmir: VERSION,
      node: process.version,
      libtorch: realLibtorch(),
      addon: { path: buildFiles(ROOT).addon, builtFor: builtFor(ROOT) },
      engine: { cudaDevices: expect.any(Number) as number },
      problems: [],
      verdict: 'ready',
    });
  });

  test('prints the same for people', async () => {
    const { code, stdout, stderr } = await cmir(['doctor']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { root, version, variant, reason } = realLibtorch();
    for (const line of [
      `cmir          ${VERSION}`,
      `LibTorch      ${version} (${variant})\n              ${root}\n              because ${reason}`,
      `addon         built here for LibTorch ${String(builtFor(ROOT))}\n              ${buildFiles(ROOT).addon}`,
    ]) {
      expect(stdout).toContain(`${line}\n`);
    }
    expect(stdout).toMatch(/^devices {7}cpu \(.+, \d+ threads\)/m);
    expect(stdout).toMatch(/\n\nverdict: ready\n$/);
  });

  test('with something missing exits 1 and says what mends it', async () => {
    const env = { PATH: fakePath({}), XDG_CACHE_HOME: newFolder() };
    const { code, stdout, stderr } = await cmir(['doctor'], { env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^LibTorch {6}missing$/m);
    expect(stdout).toMatch(/^devices {7}unknown$/m);
    expect(stdout).toContain('problem: LibTorch is not found\n  mend it: run: npx cmir setup\n');
    expect(stdout).toMatch(/\nverdict: not ready\n$/);
  });
});

describe('setup', () => {
  test('where everything is there, says so, and fetches and builds nothing', async () => {
    const { cmir, calls } = installed();
    const { version, root } = realLibtorch();
    expect(await cmir(['setup'])).toEqual({
      code: 0,
      stdout: `ready: LibTorch ${version} in ${root}\n`,
      stderr: '',
    });
    expect(calls()).toEqual([]);
  });

  test('--rebuild compiles', async () => {
    const { cmir, calls } = installed();
    const { code, stderr } = await cmir(['setup', '--rebuild']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^cmir: compiling the native addon [^]*^cmir: compiled in \d+ s$/m);
    expect(calls().map((call) => call.split(' ')[0])).toEqual(['configure', 'build']);
  });

  test('that fails exits 1 with what mends it', async () => {
    const { cmir, root } = installed();
    rmSync(buildFiles(root).build, { recursive: true });
    const { code, stdout, stderr } = await cmir(['setup'], { PATH: fakePath({}) });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^cmir: CMake is missing; install it .*then run: npx cmir setup$/m);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('the first command on a new machine', () => {
  test('builds what is missing, and then does its work', async () => {
    const { cmir, root, calls } = installed();
    rmSync(buildFiles(root).build, { recursive: true });
    const args = ['train', ...EPOCH, '--out', freshPath()];
    const { code, stdout, stderr } = await cmir(args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(stderr).toMatch(
      /^cmir: first use: the native addon is not built[^]*; setting up\n[^]*cmir: compiled in /,
    );
    expect(stdout).toContain('best epoch 1 of 1');
    const count = calls().length;
    expect(count).toBe(2);
    const next = await cmir(['train', ...EPOCH, '--out', freshPath(), '--quiet']);
    expect(next).toMatchObject({ code: 0, stderr: '' });
    expect(calls()).toHaveLength(count);
  });

  test('builds for the LibTorch it is told to use, in silence with --quiet', async () => {
    const { cmir, calls } = installed();
    const LIBTORCH = fakeLibtorch(newFolder(), otherVersion());
    const out = freshPath();
    const { code, stdout, stderr } = await cmir(['train', ...EPOCH, '--out', out, '--quiet'], {
      LIBTORCH,
    });
    expect(calls()[0]).toContain(`-DCMIR_LIBTORCH=${LIBTORCH}`);
    // That one is empty.
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^cmir: LibTorch .* does not load: .*\n$/);
  });
});
