import { buildFiles, builtFor } from '../../lib/native/build';
import { doctor } from '../../lib/native/doctor';
import { ROOT } from '../helpers/program';
import {
  breakAddon,
  buildTools,
  fakeLibtorch,
  fakePath,
  installPackage,
  newFolder,
  otherVersion,
  realLibtorch,
  removeFolders,
} from './fixture';

afterEach(removeFolders);

const { version } = jest.requireActual<{ version: string }>('../../package.json');

test('a machine on which all is there is ready', async () => {
  const { env } = buildTools();
  const diagnosis = await doctor({ env });
  expect(diagnosis).toMatchObject({
    cmir: version,
    node: process.version,
    tools: { npm: null, compiler: '12.2.0', cmake: '3.25.1', python: null },
    libtorch: { root: realLibtorch().root, source: 'LIBTORCH' },
    addon: { path: buildFiles(ROOT).addon, builtFor: builtFor(ROOT), buildId: null },
    problems: [],
    verdict: 'ready',
  });
  expect(diagnosis.platform).toMatch(`${process.platform} ${process.arch}, kernel `);
  expect(diagnosis.engine?.threads).toBeGreaterThan(0);
});

test('a bare machine lacks everything, each with what mends it', async () => {
  // A version that only pip can bring.
  const env = {
    PATH: fakePath({}),
    XDG_CACHE_HOME: newFolder(),
    CMIR_TORCH_VERSION: '2.12.0',
  };
  const diagnosis = await doctor({ env, root: newFolder() });
  expect(diagnosis).toMatchObject({
    tools: { npm: null, compiler: null, cmake: null, python: null },
    libtorch: null,
    addon: null,
    engine: null,
    verdict: 'not ready',
  });
  expect(diagnosis.problems.map(({ what }) => what)).toEqual([
    'LibTorch is not found',
    'python3, which fetches LibTorch, is missing',
    'the native addon is not built',
    'CMake is missing',
    'neither Ninja nor make is there for CMake to build with',
    "the C++ compiler 'c++' is missing",
  ]);
  for (const { fix } of diagnosis.problems)
    expect(fix).toMatch(/run: npx cmir setup|apt-get install/);
});

test('tools that only a build needs are no problem once it is there', async () => {
  const env = { PATH: fakePath({}), LIBTORCH: realLibtorch().root };
  expect(await doctor({ env })).toMatchObject({ problems: [], verdict: 'ready' });
});

test('CXX names the compiler that is looked at', async () => {
  const { env } = buildTools();
  const diagnosis = await doctor({ env: { ...env, CXX: 'no-such-compiler' }, root: newFolder() });
  expect(diagnosis.tools.compiler).toBeNull();
  expect(diagnosis.problems.map(({ what }) => what)).toContain(
    "the C++ compiler 'no-such-compiler' is missing",
  );
});

test.each<[string, string, string]>([
  ['of another minor version', otherVersion(), 'npx cmir setup --rebuild'],
  ['that is not supported', '1.13.0', 'unset LIBTORCH'],
  ['that is damaged', builtFor(ROOT) as string, 'set LIBTORCH to another'],
])('a LibTorch %s is the problem', async (_, torch, fix) => {
  const LIBTORCH = fakeLibtorch(newFolder(), torch);
  const { problems, verdict } = await doctor({ env: { ...process.env, LIBTORCH } });
  expect(verdict).toBe('not ready');
  expect(problems).toHaveLength(1);
  expect(problems[0]?.what).toContain(`LibTorch ${torch} in ${LIBTORCH}`);
  expect(problems[0]?.fix).toContain(fix);
});

test('a binary that ends its process is a problem, not the end', async () => {
  const root = installPackage();
  breakAddon(root);
  const { problems, verdict } = await doctor({ env: buildTools().env, root });
  expect(verdict).toBe('not ready');
  expect(problems).toEqual([
    {
      what: expect.stringMatching(/the native addon .* ends its process .*ended by SIG/) as string,
      fix: 'run: npx cmir setup --rebuild, or set LIBTORCH to another',
    },
  ]);
});
