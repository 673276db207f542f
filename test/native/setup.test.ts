import { existsSync, readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

import { buildFiles, builtFor } from '../../lib/native/build';
import { setup } from '../../lib/native/setup';
import {
  breakAddon,
  buildTools,
  errorOf,
  fakeLibtorch,
  fakePath,
  installPackage,
  newFolder,
  otherVersion,
  realLibtorch,
  removeFolders,
  write,
} from './fixture';

afterEach(removeFolders);

/** Steps of a whole build, without their arguments. */
const steps = (calls: string[]) => calls.map((call) => call.split(' ')[0]);

/** Makes the build as old as one from before its sources were changed. */
function outdate(root: string): void {
  utimesSync(buildFiles(root).stamp, 0, 0);
}

test('where everything is there, nothing is fetched or built', async () => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  const lines: string[] = [];
  const libtorch = await setup({ root, env, log: (line) => lines.push(line) });
  expect(libtorch).toMatchObject({ root: realLibtorch().root, source: 'LIBTORCH' });
  expect(calls()).toEqual([]);
  expect(lines).toEqual([]);
});

test.each<[string, (root: string) => void]>([
  [
    'absent',
    (root) => {
      rmSync(buildFiles(root).build, { recursive: true });
    },
  ],
  [
    'interrupted',
    (root) => {
      rmSync(buildFiles(root).stamp);
    },
  ],
  ['older than its sources', outdate],
  [
    'of another LibTorch',
    (root) => write(buildFiles(root).stamp, `{"torch": "${otherVersion()}"}`),
  ],
  ['without a readable stamp', (root) => write(buildFiles(root).stamp, '{')],
  ['damaged, so that it ends its process', breakAddon],
])('a build that is %s is made anew, once', async (_, damage) => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  damage(root);
  const lines: string[] = [];
  await setup({ root, env, log: (line) => lines.push(line) });
  expect(steps(calls())).toEqual(['configure', 'build']);
  expect(calls()[0]).toContain(`-DCMIR_LIBTORCH=${realLibtorch().root}`);
  expect(builtFor(root)).toBe(realLibtorch().version);
  expect(lines.join('\n')).toMatch(
    /compiling the native addon against LibTorch[^]*compiled in \d+ s/,
  );
  await setup({ root, env });
  expect(calls()).toHaveLength(2);
});

test('the compiler is the one that CXX names, with its launcher', async () => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  const PATH = `${fakePath({ launcher: 'true', 'my-clang': 'true' })}:${env['PATH'] ?? ''}`;
  rmSync(join(env['PATH'] ?? '', 'c++'));
  await setup({ root, env: { ...env, PATH, CXX: 'launcher my-clang' }, rebuild: true });
  expect(calls()[0]).toContain('-DCMAKE_CXX_COMPILER=launcher;my-clang');
});

test('rebuild compiles what is up to date', async () => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  await setup({ root, env, rebuild: true });
  expect(steps(calls())).toEqual(['configure', 'build']);
});

test('only what changed is compiled where CMake knows the rest', async () => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  const { build } = buildFiles(root);
  const cache = `CMIR_LIBTORCH:PATH=${realLibtorch().root}\nCMAKE_HOME_DIRECTORY:INTERNAL=${root}\n`;
  write(join(build, 'CMakeCache.txt'), cache);
  write(join(build, 'build.ninja'));
  outdate(root);
  await setup({ root, env });
  expect(steps(calls())).toEqual(['build']);
});

test('several at once build once', async () => {
  const [root, { env, calls }] = [installPackage(), buildTools()];
  rmSync(buildFiles(root).build, { recursive: true });
  const lines: string[] = [];
  await Promise.all([1, 2, 3].map(() => setup({ root, env, log: (line) => lines.push(line) })));
  expect(steps(calls())).toEqual(['configure', 'build']);
  expect(lines.filter((line) => line.startsWith('compiling'))).toHaveLength(1);
});

describe('what cannot be set up says what mends it', () => {
  test.each(['cmake', 'ninja', 'c++'])('without %s', async (tool) => {
    const [root, { env }] = [installPackage(), buildTools()];
    rmSync(buildFiles(root).stamp);
    rmSync(join(env['PATH'] ?? '', tool));
    const error = await errorOf(() => setup({ root, env }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toMatch(/missing|neither/);
    expect(error.message).toMatch(/apt-get install .*then run: npx cmir setup/);
  });

  test('a compiler error is shown, the whole log kept, and the build unfinished', async () => {
    const root = installPackage();
    const { env } = buildTools("echo 'addon.cc:3: error: no such thing'; exit 1");
    rmSync(buildFiles(root).stamp);
    const error = await errorOf(() => setup({ root, env }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('addon.cc:3: error: no such thing');
    const { log, lock } = buildFiles(root);
    expect(error.message).toContain(log);
    expect(readFileSync(log, 'utf8')).toContain('no such thing');
    expect(builtFor(root)).toBeUndefined();
    expect(existsSync(lock)).toBe(false);
  });

  test('a new build that does not load either', async () => {
    const root = installPackage();
    const { env, calls } = buildTools(
      'echo junk > $release/cmir.node; echo junk > $release/cmir_loader.node',
    );
    rmSync(buildFiles(root).stamp);
    const error = await errorOf(() => setup({ root, env }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('cmir_loader.node');
    expect(steps(calls())).toEqual(['configure', 'build']);
  });

  test('a LIBTORCH that is none', async () => {
    const [root, { env, calls }] = [installPackage(), buildTools()];
    const LIBTORCH = newFolder();
    const error = await errorOf(() => setup({ root, env: { ...env, LIBTORCH } }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(LIBTORCH);
    expect(calls()).toEqual([]);
  });

  test('a LibTorch whose libraries are damaged', async () => {
    const [root, { env }] = [installPackage(), buildTools()];
    const LIBTORCH = fakeLibtorch(newFolder(), realLibtorch().version);
    const error = await errorOf(() => setup({ root, env: { ...env, LIBTORCH } }));
    expect(error.code).toBe('ERR_CMIR_LIBTORCH');
    expect(error.message).toContain(`in ${LIBTORCH} does not load`);
    expect(error.message).toContain('set LIBTORCH to another');
  });

  test('nothing to fetch with', async () => {
    const env = {
      PATH: fakePath({}),
      XDG_CACHE_HOME: newFolder(),
      CMIR_TORCH_VERSION: '2.12.0',
    };
    const error = await errorOf(() => setup({ root: installPackage(), env }));
    expect(error.code).toBe('ERR_CMIR_SETUP');
    expect(error.message).toContain('python3, which fetches LibTorch, is missing');
    expect(error.message).toContain('point LIBTORCH at a LibTorch you have');
  });
});
