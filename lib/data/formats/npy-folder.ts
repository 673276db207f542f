import * as path from 'node:path';

import { CmirError } from '../../errors';
import { assemble } from '../assemble';
import { readTable } from '../csv';
import type { Field, Part } from '../parts';
import type { TextArray } from '../storage/array';
import { FileBytes, type Bytes } from '../storage/bytes';
import { readNpy } from '../storage/npy';
import type { Format } from './format';

const LABELS_FILE = 'labels.csv';
const EXTENSION = '.npy';

/** A folder with labels.csv and one <modality>.npy a modality, its rows in the order of labels.csv. */
export const npyFolder: Format = {
  name: 'npy folder',
  description: `a folder with ${LABELS_FILE} and one <modality>${EXTENSION} a modality, row by row`,
  detect: ({ entries }) => entries?.some((entry) => entry.endsWith(EXTENSION)) === true,
  async read({ path: folder, entries }, options) {
    await using files = new OpenFiles(options.signal);
    const open = (file: string): Promise<Bytes> => files.open(file);
    return await assemble(folder, await readNpyFolderParts(folder, entries ?? [], open), options);
  },
};

/**
 * The arrays and the columns of labels.csv as one part. `open` opens a file, which must stay open until values are
 * read. Throws ERR_CMIR_DATA, naming the file, for an array that has not one entry an example.
 */
export async function readNpyFolderParts(
  folder: string,
  entries: readonly string[],
  open: (file: string) => Promise<Bytes>,
): Promise<Part[]> {
  const other = entries.find((entry) => entry.endsWith('.csv') && entry !== LABELS_FILE);
  if (other !== undefined) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${folder}: found ${other} beside arrays, expected ${npyFolder.description}`,
    );
  }
  const fields = new Map<string, Field>(await readColumns(path.join(folder, LABELS_FILE)));
  const examples = fields.get('id') as TextArray;
  for (const entry of entries) {
    if (!entry.endsWith(EXTENSION)) continue;
    const name = path.basename(entry, EXTENSION);
    const file = path.join(folder, entry);
    if (fields.has(name)) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${file}: ${LABELS_FILE} has a column '${name}' too, expected one of them`,
      );
    }
    const array = await readNpy(await open(file));
    const isByExample =
      !/_(?:columns|offsets)$/.test(name) && !entries.includes(`${name}_offsets${EXTENSION}`);
    const rows = array.shape[0] ?? 0;
    if (isByExample && rows !== examples.values.length) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${file}: found ${String(rows)} rows, expected ${String(examples.values.length)}, one a row of ${LABELS_FILE}`,
      );
    }
    fields.set(name, array);
  }
  return [{ split: null, fields }];
}

/** The columns of a CSV table as they are. */
async function readColumns(file: string): Promise<[string, TextArray][]> {
  let names: readonly string[] = [];
  const rows: (readonly string[])[] = [];
  await readTable(file, {
    columns(found) {
      names = found;
      return false;
    },
    row(_, cells) {
      rows.push(cells);
    },
  });
  return names.map((name, column) => {
    // Spaces around ids and splits do not count, as in every table.
    const isKey = name === 'id' || name === 'split';
    const values = rows.map((cells) => (isKey ? cells[column]?.trim() : cells[column]) ?? '');
    return [name, { kind: 'texts', shape: [values.length], values }];
  });
}

/** Files that are closed together. */
class OpenFiles {
  readonly #files: FileBytes[] = [];
  readonly #signal: AbortSignal | undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
  }

  async open(file: string): Promise<FileBytes> {
    const bytes = await FileBytes.open(file, this.#signal);
    this.#files.push(bytes);
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const bytes of this.#files) await bytes.close();
  }
}
