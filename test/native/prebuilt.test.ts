import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import {
  fittingBinary,
  prebuildsFolder,
  prebuiltBinaries,
  type Binary,
} from '../../lib/native/binary';
import { buildFiles, builtFor } from '../../lib/native/build';
import { doctor } from '../../lib/native/doctor';
import { minorVersion } from '../../lib/native/libtorch';
import { findPair, loadAddonFrom } from '../../lib/native/load';
import { probeAddon } from '../../lib/native/probe';
import { setup } from '../../lib/native/setup';
import { LIBTORCH_OPEN, readProbe, tryOnce } from '../../lib/native/trial';
import { ROOT } from '../helpers/program';
import {
  buildTools,
  errorOf,
  fakeLibtorch,
  fakePath,
  installPackage,
  libtorchOf,
  newFolder,
  prebuiltName,
  prebuiltPackage,
  realLibtorch,
  removeFolders,
  write,
} from './fixture';

afterEach(removeFolders);

const MINOR = minorVersion(builtFor(ROOT) as string);
const NAME = prebuiltName(MINOR, 'cpu');
/** No compiler, no Python: what a user's machine has at least. */
const bareEnv = () => ({
  PATH: fakePath({}),
  LIBTORCH: realLibtorch().root,
  XDG_CACHE_HOME: newFolder(),
});

describe('which prebuilt addon fits', () => {
  const NAMES = [
    prebuiltName('2.13', 'cpu'),
    prebuiltName('2.11', 'cpu'),
    prebuiltName('2.11', 'cu130', 'ba9876543210'),
  ];
  const chosen = (version: string, variant: string) => {
    const root = prebuiltPackage(...NAMES, 'other-torch2.13-cpu-0123456789ab.node', 'notes.txt');
    return fittingBinary({ ...libtorchOf(version), variant }, root);
  };

  test.each([
    ['2.13.0+cpu', 'cpu', '2.13', 'cpu'],
    ['2.13.4', 'cpu', '2.13', 'cpu'],
    ['2.11.0', 'cu130', '2.11', 'cu130'],
    ['2.11.0', 'cpu', '2.11', 'cpu'],
    // Kernels of another CUDA do not fit: the CPU's are what there is.
    ['2.11.0', 'cu126', '2.11', 'cpu'],
    ['2.13.0', 'cu130', '2.13', 'cpu'],
  ])('LibTorch %s (%s)', (version, variant, torch, expected) => {
    expect(chosen(version, variant)).toMatchObject({ torch, variant: expected });
  });

  test('none of another minor version', () => {
    expect(chosen('2.12.0', 'cpu')).toBeUndefined();
  });

  test('its build id is that of its name', () => {
    expect(chosen('2.11.0', 'cu130')?.buildId).toBe('ba9876543210');
  });

  test('one that was built here goes first where it fits', () => {
    const root = installPackage();
    const folder = prebuildsFolder(root);
    for (const name of [NAME, 'cmir_loader.glibc.node']) write(join(folder, name));
    expect(fittingBinary(realLibtorch(), root)?.addon).toBe(buildFiles(root).addon);
    write(buildFiles(root).stamp, '{"torch": "2.0.0"}');
    expect(fittingBinary(realLibtorch(), root)?.addon).toBe(join(folder, NAME));
  });

  test('one with kernels goes before one that was built here without, for a CUDA build', () => {
    const root = installPackage();
    const folder = prebuildsFolder(root);
    const name = prebuiltName('2.11', 'cu130');
    for (const file of [name, 'cmir_loader.glibc.node']) write(join(folder, file));
    const libtorch = { ...libtorchOf('2.11.0'), variant: 'cu130' };
    write(buildFiles(root).stamp, '{"torch": "2.11.0+cu130", "cuda": true}');
    expect(fittingBinary(libtorch, root)?.addon).toBe(buildFiles(root).addon);
    write(buildFiles(root).stamp, '{"torch": "2.11.0+cpu", "cuda": false}');
    expect(fittingBinary(libtorch, root)?.addon).toBe(join(folder, name));
    expect(fittingBinary({ ...libtorch, variant: 'cpu' }, root)?.addon).toBe(
      buildFiles(root).addon,
    );
  });

  test('without their loader they are none', () => {
    const root = prebuiltPackage(NAME);
    rmSync(join(prebuildsFolder(root), 'cmir_loader.glibc.node'));
    expect(prebuiltBinaries(root)).toEqual([]);
  });
});

test('it loads, and setup does nothing else, on a machine without a compiler', async () => {
  const [root, env] = [prebuiltPackage(NAME), bareEnv()];
  const lines: string[] = [];
  await setup({ root, env, log: (line) => lines.push(line) });
  expect(lines).toEqual([]);
  expect(existsSync(buildFiles(root).build)).toBe(false);
  expect((await probeAddon(root, env)).engine?.builtFor).toMatch(`${MINOR}.`);
  const diagnosis = await doctor({ root, env });
  expect(diagnosis).toMatchObject({
    addon: { path: join(prebuildsFolder(root), NAME), builtFor: MINOR, buildId: '0123456789ab' },
    problems: [],
    verdict: 'ready',
  });
});

test('one that was built here for another LibTorch does not keep setup from it', async () => {
  const [root, env] = [installPackage(), bareEnv()];
  const { addon, loader, stamp } = buildFiles(root);
  const folder = prebuildsFolder(root);
  mkdirSync(folder, { recursive: true });
  cpSync(addon, join(folder, NAME));
  cpSync(loader, join(folder, 'cmir_loader.glibc.node'));
  write(stamp, '{"torch": "2.10.0", "cuda": false}');
  await setup({ root, env });
  expect((await doctor({ root, env })).addon?.path).toBe(join(folder, NAME));
  // Unless a compiled one is asked for.
  const error = await errorOf(() => setup({ root, env, prebuilt: false }));
  expect(error.code).toBe('ERR_CMIR_SETUP');
});

describe('what a trial says', () => {
  const pair = () => ({
    binary: fittingBinary(realLibtorch(), ROOT) as Binary,
    libtorch: realLibtorch(),
  });
  const fine = JSON.stringify({ engine: { builtFor: '2.13.0' } });
  const read = (status: number | null, ...lines: string[]) =>
    readProbe(status, `${lines.join('\n')}\n`, 'ended by SIGSEGV', pair());

  test('that it is fine, where it ends well too', () => {
    expect(read(0, LIBTORCH_OPEN, fine).engine).not.toBeNull();
    expect(read(139, LIBTORCH_OPEN, fine)).toMatchObject({
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
    });
  });

  test.each(['0', 'null', '{}', '{"engine": 1}', ''])('nothing, by %j', (line) => {
    expect(read(0, LIBTORCH_OPEN, line)).toMatchObject({
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
    });
    expect(read(0, line)).toMatchObject({ engine: null, code: 'ERR_CMIR_LIBTORCH' });
  });
});

test('it is tried in a process of its own, once, until it changes', () => {
  const [root, env] = [prebuiltPackage(NAME), bareEnv()];
  const addon = join(prebuildsFolder(root), NAME);
  const tried = join(env.XDG_CACHE_HOME, 'cmir', 'tried');
  const remembered = () => (existsSync(tried) ? readdirSync(tried) : []);
  const attempt = (of = root) => tryOnce(findPair(of, env), env);
  expect(attempt()).toBeUndefined();
  const first = remembered();
  expect(first).toHaveLength(1);
  // Nothing is run for what is remembered: this program would fail.
  const { execPath } = process;
  process.execPath = join(fakePath({ node: 'exit 1' }), 'node');
  try {
    expect(attempt()).toBeUndefined();
    utimesSync(addon, 1, 1);
    expect(attempt()).toMatchObject({ engine: null, code: 'ERR_CMIR_LIBTORCH' });
  } finally {
    process.execPath = execPath;
  }
  expect(attempt()).toBeUndefined();
  expect(remembered()).toHaveLength(2);
  // What is remembered of a package that is gone is forgotten at the next occasion.
  rmSync(root, { recursive: true });
  expect(attempt(prebuiltPackage(NAME))).toBeUndefined();
  expect(remembered()).toHaveLength(1);
  expect(first).not.toEqual(remembered());
});

test('where no process can be started, it is loaded untried', () => {
  const env = bareEnv();
  const { execPath } = process;
  process.execPath = '/nowhere/node';
  try {
    expect(tryOnce(findPair(prebuiltPackage(NAME), env), env)).toBeUndefined();
  } finally {
    process.execPath = execPath;
  }
  expect(existsSync(join(env.XDG_CACHE_HOME, 'cmir'))).toBe(false);
});

test('a cache that cannot be written costs time alone', () => {
  const env = { ...bareEnv(), XDG_CACHE_HOME: write(join(newFolder(), 'file')) };
  expect(tryOnce(findPair(prebuiltPackage(NAME), env), env)).toBeUndefined();
});

test('two copies in one process: the second is refused', async () => {
  loadAddonFrom(ROOT, bareEnv());
  const root = prebuiltPackage(NAME);
  const error = await errorOf(() => loadAddonFrom(root, bareEnv()));
  expect(error.code).toBe('ERR_CMIR_NATIVE');
  expect(error.message).toContain(`another copy of cmir, ${buildFiles(ROOT).addon}, and can hold`);
  expect(error.message).toContain(join(prebuildsFolder(root), NAME));
});

describe('where it does not serve, the addon is compiled, and setup says why', () => {
  const built = async (root: string, env: NodeJS.ProcessEnv) => {
    const lines: string[] = [];
    await setup({ root, env, log: (line) => lines.push(line) });
    expect(builtFor(root)).toBe(realLibtorch().version);
    return lines.join('\n');
  };

  test('none for this LibTorch', async () => {
    const { env } = buildTools();
    const lines = await built(prebuiltPackage(prebuiltName('2.10', 'cpu')), env);
    expect(lines).toMatch(
      /^no prebuilt binary for LibTorch 2\.1\d\.\d\S* \(\w+\) on \S+: it will be compiled\n/,
    );
  });

  test('one that is damaged', async () => {
    const [{ env }, root] = [buildTools(), prebuiltPackage(NAME)];
    write(join(prebuildsFolder(root), NAME), 'junk');
    expect(await built(root, env)).toMatch(
      /^the native addon cmir-torch\S+ in .* does not load: .*: it will be compiled here\n/,
    );
  });

  test('not for a damaged LibTorch, which compiling does not mend', async () => {
    const { env, calls } = buildTools();
    const LIBTORCH = fakeLibtorch(newFolder(), builtFor(ROOT));
    const error = await errorOf(() =>
      setup({ root: prebuiltPackage(NAME), env: { ...env, LIBTORCH } }),
    );
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(calls()).toEqual([]);
  });

  test('and where nothing can compile it, what is missing is said', async () => {
    const env = bareEnv();
    const error = await errorOf(() =>
      setup({ root: prebuiltPackage(prebuiltName('2.10', 'cpu')), env }),
    );
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('missing');
  });
});
