import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { CmirError } from '../errors';
import { allBinaries, fittingBinary } from './binary';
import { PACKAGE_ROOT, buildFiles } from './build';
import { cudaMajor } from './cuda';
import { findLibtorch } from './libtorch';

/** What Python's torch.ops.load_library takes. */
export interface OperatorsLibrary {
  readonly path: string;
  /** The minor version of torch that it loads in, such as 2.13; no other has the symbols that it needs. */
  readonly torch: string;
  /** The major version of CUDA that it must be a build for, such as 13; null of the CPU's, which any build serves. */
  readonly cuda: string | null;
}

/**
 * The library of the operators that the package in `root` holds: the addon for the LibTorch that is found here, else any.
 * Throws ERR_CMIR_NOT_BUILT when there is none.
 */
export function findOperators(
  root: string = PACKAGE_ROOT,
  env: NodeJS.ProcessEnv = process.env,
): OperatorsLibrary {
  const libtorch = findLibtorch(env);
  const fitting = libtorch === undefined ? undefined : fittingBinary(libtorch, root);
  const binary = fitting ?? allBinaries(root)[0];
  if (binary !== undefined) {
    const { addon, torch, variant } = binary;
    const cuda = cudaMajor(variant) ?? null;
    // Node's API is not weak in the addon on macOS: a library without it lies beside it there.
    const isMac = process.platform === 'darwin';
    const path = isMac ? join(dirname(addon), 'libcmir_ops.dylib') : addon;
    if (existsSync(path)) return { path, torch, cuda };
  }
  throw new CmirError(
    'ERR_CMIR_NOT_BUILT',
    `the library of the operators is not built in ${buildFiles(root).release}; run: npx cmir setup, or, for the torch that ` +
      "python3 has, LIBTORCH_USE_PYTORCH=1 npx cmir setup (Python's torch must have the minor version it is built for)",
  );
}

/** Python statements that put the operators into torch.ops.cmir, where torch fits them. */
export function pythonLines({ path, torch, cuda }: OperatorsLibrary): string {
  const needed = `cmir's operators need torch ${torch}, found `;
  const build = `cmir's operators need a build of torch for CUDA ${cuda ?? ''}, found `;
  return [
    'import torch',
    `assert torch.__version__.startswith("${torch}."), "${needed}" + torch.__version__`,
    ...(cuda === null
      ? []
      : [
          `assert (torch.version.cuda or "").startswith("${cuda}."), "${build}" + str(torch.version.cuda)`,
        ]),
    `torch.ops.load_library(${JSON.stringify(path)})`,
  ].join('\n');
}
