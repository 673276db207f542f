import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import * as path from 'node:path';

import { CmirError, messageOf } from '../errors';
import type { Dataset } from './dataset';
import { WRITERS, type WriteFormat } from './formats';
import { writePacked } from './formats/packed/write';

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

/** Lets `write` fill a path beside `out` and renames it when that is done. */
async function writeWhole(out: string, write: (target: string) => Promise<void>): Promise<void> {
  await checkAbsent(out);
  const parent = path.dirname(path.resolve(out));
  let temporary: string | undefined;
  try {
    await mkdir(parent, { recursive: true });
    temporary = await mkdtemp(path.join(parent, `.${path.basename(out)}-`));
    const target = path.join(temporary, path.basename(out));
    await write(target);
    // An empty folder is in the way of a file.
    await rm(out, { recursive: true, force: true });
    await rename(target, out);
  } catch (cause) {
    if (cause instanceof CmirError) throw cause;
    throw new CmirError('ERR_CMIR_IO', `cannot write ${out}: ${messageOf(cause)}`, { cause });
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

async function checkAbsent(out: string): Promise<void> {
  const content = await readdir(out).catch((error: unknown) =>
    (error as NodeJS.ErrnoException).code === 'ENOENT' ? [] : ['a file'],
  );
  if (content.length === 0) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${out}: expected a path that is not there yet, or an empty folder, found ${content.slice(0, 3).join(', ')}`,
  );
}
