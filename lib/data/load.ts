import { readdir, stat } from 'node:fs/promises';

import { CmirError, messageOf, throwIfAborted } from '../errors';
import { fromArrays, type DatasetArrays } from './arrays';
import { checkDataset } from './check';
import { Dataset } from './dataset';
import { FORMATS, type Probe } from './formats';
import { resolveLoadOptions, type LoadOptions } from './options';
import { FileBytes, readBytes } from './storage/bytes';

export type { DatasetArrays, FeatureArrays } from './arrays';
export type { LoadOptions } from './options';

/**
 * A data set from a path of any supported format or from arrays; a Dataset is checked and returned.
 * Splits are train, valid, test and shifted. Non-finite features are refused unless `nonFinite` is `mean`;
 * then they stay in the values until the engine replaces them. `label` names a file's label column; a Dataset has its own.
 * Throws ERR_CMIR_DATA, naming file and row, saying what was found and what was expected; ERR_CMIR_ABORTED.
 */
export async function loadDataset(
  source: string | Dataset | DatasetArrays,
  options?: LoadOptions,
): Promise<Dataset> {
  const resolved = resolveLoadOptions(options);
  throwIfAborted(resolved.signal);
  if (typeof source !== 'string') {
    const dataset = source instanceof Dataset ? source : fromArrays(source, resolved);
    checkDataset(dataset, resolved);
    return dataset;
  }
  const probe = await probePath(source);
  for (const format of FORMATS) {
    if (format.detect(probe)) return format.read(probe, resolved);
  }
  const known = FORMATS.map(({ description }) => description).join('; ');
  throw new CmirError('ERR_CMIR_DATA', `${source}: found no known format, expected ${known}`);
}

/** Enough to know every format by. */
const HEAD = 64;

async function probePath(source: string): Promise<Probe> {
  try {
    if ((await stat(source)).isDirectory()) {
      // Sorted, because the order of a folder's entries differs between systems.
      const entries = (await readdir(source)).filter((name) => !name.startsWith('.')).sort();
      return { path: source, entries, head: Buffer.alloc(0) };
    }
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = missing ? 'found no such file or folder' : messageOf(cause);
    throw new CmirError('ERR_CMIR_DATA', `${source}: ${problem}, expected a data set`, { cause });
  }
  await using bytes = await FileBytes.open(source);
  return {
    path: source,
    entries: null,
    head: await readBytes(bytes, 0, Math.min(HEAD, bytes.size)),
  };
}
