import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import type { Dataset } from '../data/dataset';
import { loadDataset, type LoadOptions } from '../data/load';
import { syntheticDataset } from '../data/synthetic';
import { CmirError } from '../errors';
import { VERSION } from '../version';
import { FILES } from './checkpoint';
import { updateFiles } from './files';

/** run.json: what a run folder must know beyond the model itself. */
interface RunSource {
  /** Absolute path of the data set; null for the built-in synthetic data. */
  readonly dataset: string | null;
  readonly cmir: string;
}

/** The data set at a path, or the built-in synthetic one without a path. */
export async function openDataset(
  path: string | undefined,
  options: LoadOptions,
): Promise<Dataset> {
  return path === undefined ? syntheticDataset() : loadDataset(path, options);
}

/** Notes in a run folder which data set it was trained on. */
export async function saveSource(folder: string, path: string | undefined): Promise<void> {
  const source: RunSource = { dataset: path === undefined ? null : resolve(path), cmir: VERSION };
  await updateFiles(folder, [
    { name: FILES.source, content: `${JSON.stringify(source, null, 2)}\n` },
  ]);
}

/** The path of the data set a run was trained on; undefined for the synthetic one. */
export async function readSource(folder: string): Promise<string | undefined> {
  const path = join(folder, FILES.source);
  try {
    const { dataset } = JSON.parse(await readFile(path, 'utf8')) as RunSource;
    return dataset ?? undefined;
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${path}: found nothing readable, expected the data set of the run, which only cmir train records; name one after the run folder`,
      { cause },
    );
  }
}
