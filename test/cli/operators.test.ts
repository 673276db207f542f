import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { buildFiles, builtFor } from '../../lib/native/build';
import { minorVersion } from '../../lib/native/libtorch';
import { findPython, type Python } from '../helpers/python';
import { ROOT, cmir } from '../helpers/program';
import { installPackage, removeFolders } from '../native/fixture';

afterEach(removeFolders);

const PATH = buildFiles(ROOT).addon;
const TORCH = minorVersion(builtFor(ROOT) as string);
const python = findPython();
const testWithPython = python === undefined ? test.skip : test;

test('prints the path of the addon, and nothing else', async () => {
  expect(await cmir(['operators'])).toEqual({ code: 0, stdout: `${PATH}\n`, stderr: '' });
});

test('--json tells which torch it loads in', async () => {
  const { stdout } = await cmir(['operators', '--json']);
  expect(JSON.parse(stdout)).toEqual({ path: PATH, torch: TORCH, cuda: null });
});

testWithPython('--python prints what loads the operators', async () => {
  const { stdout } = await cmir(['operators', '--python']);
  const program = `${stdout}
print(torch.ops.cmir.invariance(torch.tensor([[0.0, 1.0], [2.0, 5.0]])).item())`;
  expect((python as Python).run(['-c', program])).toBe('3.0\n');
});

testWithPython('--python refuses another torch before it loads anything', async () => {
  const { stdout } = await cmir(['operators', '--python']);
  const program = `import torch\ntorch.__version__ = "1.9.0"\n${stdout}`;
  expect(() => (python as Python).run(['-c', program])).toThrow(
    `AssertionError: cmir's operators need torch ${TORCH}, found 1.9.0`,
  );
});

test('the help says which torch Python must have', async () => {
  const { stdout } = await cmir(['operators', '--help']);
  expect(stdout).toMatch(/torch must have the minor\s+version/);
});

test.each(['addon', 'stamp'] as const)('without its %s, what to run', async (file) => {
  const root = installPackage();
  rmSync(buildFiles(root)[file]);
  const { code, stdout, stderr } = await cmir(['operators'], { dist: join(root, 'dist') });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(`not built in ${buildFiles(root).release}; run: npx cmir setup`);
  expect(stderr).toContain('minor version');
});
