import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

import type { Libtorch } from './libtorch';
import { toolVersion } from './tools';

/** The major version of CUDA of a variant such as cu130; undefined of the CPU's. */
export function cudaMajor(variant: string): string | undefined {
  return /^cu(\d+)\d$/.exec(variant)?.[1];
}

/**
 * The nvcc that compiles kernels for this LibTorch, of its major version of CUDA: as CUDACXX names it, in PATH, where
 * NVIDIA installs it, or in NVIDIA's packages beside torch. Undefined for a CPU build, or when there is none.
 */
export async function findNvcc(
  libtorch: Libtorch,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const major = cudaMajor(libtorch.variant);
  if (major === undefined) return undefined;
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const named = env['CUDACXX'] ?? '';
  const candidates = [
    ...(named === '' ? [] : [named]),
    ...folders.map((folder) => join(folder, 'nvcc')),
    '/usr/local/cuda/bin/nvcc',
    join(dirname(libtorch.root), 'nvidia', `cu${major}`, 'bin', 'nvcc'),
  ];
  for (const candidate of candidates) {
    if (!existsSync(candidate)) continue;
    const version = await toolVersion(candidate, env);
    if (version?.split('.')[0] === major) return candidate;
  }
  return undefined;
}

/** What CMake is told about CUDA, without the leading -D. */
export function cudaDefinitions(nvcc: string | undefined): string[] {
  if (nvcc === undefined) return ['CMIR_CUDA=OFF'];
  const definitions = ['CMIR_CUDA=ON', `CMAKE_CUDA_COMPILER=${nvcc}`];
  // CMake's own trial of the compiler links; NVIDIA's packages have lib where nvcc expects lib64.
  const libraries = join(dirname(dirname(nvcc)), 'lib');
  if (existsSync(join(libraries, 'libcudart_static.a'))) {
    definitions.push(`CMAKE_CUDA_FLAGS=-L${libraries}`);
  }
  return definitions;
}
