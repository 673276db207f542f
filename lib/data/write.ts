import { readdir } from 'node:fs/promises';

import type { Dataset } from './dataset';
import { WRITERS, type WriteFormat } from './formats';
import { writePacked } from './formats/packed/write';
import { writeWhole } from './whole';

export { WRITE_FORMATS, type WriteFormat } from './formats';

/** How a data set is written. */
export interface WriteOptions {
  /**
   * csv, parquet and safetensors are folders, npz is a file. Default: npz for a path that ends in .npz, else csv.
   * safetensors is the form that training maps instead of loading it.
   */
  readonly format?: WriteFormat;
}

/**
 * Writes a data set, all of it or nothing, to a path that must be absent or an empty folder.
 * Throws ERR_CMIR_USAGE for a path that holds something, ERR_CMIR_IO when writing fails.
 */
export async function writeDataset(
  dataset: Dataset,
  out: string,
  options: WriteOptions = {},
): Promise<void> {
  const format = options.format ?? (out.endsWith('.npz') ? 'npz' : 'csv');
  await writeWhole(out, (target) => WRITERS[format](target, dataset));
}

/**
 * Writes examples that come block by block, each block with the same modalities and columns, in the form
 * safetensors: memory holds one block and the columns, however many there are. Throws as writeDataset.
 */
export async function writeBlocks(
  blocks: Iterable<Dataset> | AsyncIterable<Dataset>,
  out: string,
): Promise<void> {
  await writeWhole(out, (target) => writePacked(target, blocks));
}

/**
 * The form that keeps what a folder is: safetensors where any of its tables is, which may be too large for another,
 * then parquet. Undefined for every other source, for which the default of writeDataset is as good.
 */
export async function formatOf(source: string): Promise<WriteFormat | undefined> {
  // A file has no entries; a source that cannot be read is for loadDataset to refuse.
  const entries = await readdir(source).catch(() => []);
  const forms = ['safetensors', 'parquet'] as const;
  return forms.find((form) =>
    entries.some((name) => !name.startsWith('.') && name.endsWith(`.${form}`)),
  );
}
