import { promises as fs } from 'node:fs';

import { CmirError, messageOf } from '../errors';
import { fromArrays, type DatasetArrays } from './arrays';
import { checkDataset } from './check';
import { Dataset } from './dataset';
import { FORMATS } from './formats';
import { resolveLoadOptions, type LoadOptions } from './options';

export type { DatasetArrays, FeatureArrays } from './arrays';
export type { LoadOptions } from './options';

/**
 * A data set from a path of any supported format or from arrays; a Dataset is checked and returned.
 * Splits are train, valid, test and shifted. Non-finite features are refused unless `nonFinite` is `mean`;
 * then they stay in the values until the engine replaces them. `label` names a file's label column; a Dataset has its own.
 * Throws ERR_CMIR_DATA, naming file and row, saying what was found and what was expected.
 */
export async function loadDataset(
  source: string | Dataset | DatasetArrays,
  options?: LoadOptions,
): Promise<Dataset> {
  const resolved = resolveLoadOptions(options);
  if (typeof source !== 'string') {
    const dataset = source instanceof Dataset ? source : fromArrays(source, resolved);
    checkDataset(dataset, resolved);
    return dataset;
  }
  try {
    await fs.access(source, fs.constants.R_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'found no such file or folder' : messageOf(error);
    throw new CmirError('ERR_CMIR_DATA', `${source}: ${problem}, expected a data set`, {
      cause: error,
    });
  }
  for (const format of FORMATS) {
    if (await format.detect(source)) return format.read(source, resolved);
  }
  const known = FORMATS.map(({ description }) => description).join('; ');
  throw new CmirError('ERR_CMIR_DATA', `${source}: found no known format, expected ${known}`);
}
