import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { cudaDefinitions, findNvcc } from '../../lib/native/cuda';
import type { Libtorch } from '../../lib/native/libtorch';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cmir-nvcc-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** An nvcc that tells this version. */
function nvcc(path: string, version: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `#!/bin/sh\necho 'Cuda compilation tools, release ${version}, V${version}'\n`,
  );
  chmodSync(file, 0o755);
  return file;
}

function libtorch(variant: string): Libtorch {
  const root = join(folder, 'site', 'torch');
  return { root, version: `2.11.0+${variant}`, variant, source: 'LIBTORCH', reason: 'a test' };
}

test('a CPU build of LibTorch needs no nvcc', async () => {
  const file = nvcc('bin/nvcc', '13.0');
  expect(await findNvcc(libtorch('cpu'), { CUDACXX: file })).toBeUndefined();
  expect(cudaDefinitions(undefined)).toEqual(['CMIR_CUDA=OFF']);
});

test('CUDACXX goes before PATH, PATH before the packages beside torch', async () => {
  const beside = nvcc('site/nvidia/cu13/bin/nvcc', '13.0');
  const inPath = nvcc('bin/nvcc', '13.1');
  const named = nvcc('own/nvcc', '13.0');
  const PATH = `${dirname(inPath)}:/usr/bin:/bin`;
  expect(await findNvcc(libtorch('cu130'), { PATH, CUDACXX: named })).toBe(named);
  expect(await findNvcc(libtorch('cu130'), { PATH })).toBe(inPath);
  rmSync(inPath);
  // A toolkit that this machine has would go before the packages.
  const found = await findNvcc(libtorch('cu130'), { PATH });
  expect([beside, '/usr/local/cuda/bin/nvcc']).toContain(found);
});

test('an nvcc of another major version is not taken', async () => {
  const file = nvcc('own/nvcc', '11.8');
  expect(await findNvcc(libtorch('cu990'), { CUDACXX: file, PATH: '/bin' })).toBeUndefined();
});

test('CMake is told where the packages keep what nvcc links', () => {
  const file = nvcc('site/nvidia/cu13/bin/nvcc', '13.0');
  expect(cudaDefinitions(file)).toEqual(['CMIR_CUDA=ON', `CMAKE_CUDA_COMPILER=${file}`]);
  const libraries = join(folder, 'site', 'nvidia', 'cu13', 'lib');
  mkdirSync(libraries);
  writeFileSync(join(libraries, 'libcudart_static.a'), '');
  expect(cudaDefinitions(file)).toContain(`CMAKE_CUDA_FLAGS=-L${libraries}`);
});
