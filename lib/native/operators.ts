import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { CmirError } from '../errors';
import { PACKAGE_ROOT, buildFiles, builtFor } from './build';
import { minorVersion } from './libtorch';

/** What Python's torch.ops.load_library takes. */
export interface OperatorsLibrary {
  readonly path: string;
  /** The minor version of torch that it loads in, such as 2.13; no other has the symbols that it needs. */
  readonly torch: string;
}

/** The library of the operators that the package in `root` holds; throws ERR_CMIR_NOT_BUILT when there is none. */
export function findOperators(root: string = PACKAGE_ROOT): OperatorsLibrary {
  const { addon, release } = buildFiles(root);
  // Node's API is not weak in the addon on macOS: a library without it lies beside it there.
  const path = process.platform === 'darwin' ? join(release, 'libcmir_ops.dylib') : addon;
  const version = builtFor(root);
  if (version === undefined || !existsSync(path)) {
    throw new CmirError(
      'ERR_CMIR_NOT_BUILT',
      `the library of the operators is not built in ${release}; run: npx cmir setup, or, for the torch that ` +
        "python3 has, LIBTORCH_USE_PYTORCH=1 npx cmir setup (Python's torch must have the minor version it is built for)",
    );
  }
  return { path, torch: minorVersion(version) };
}

/** Python statements that put the operators into torch.ops.cmir, where torch fits them. */
export function pythonLines({ path, torch }: OperatorsLibrary): string {
  const needed = `cmir's operators need torch ${torch}, found `;
  return [
    'import torch',
    `assert torch.__version__.startswith("${torch}."), "${needed}" + torch.__version__`,
    `torch.ops.load_library(${JSON.stringify(path)})`,
  ].join('\n');
}
