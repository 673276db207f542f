import { mkdir, open, type FileHandle } from 'node:fs/promises';
import * as path from 'node:path';
import Papa from 'papaparse';

import type { Dataset, Modality } from '../dataset';
import { labelColumns } from '../label';
import { shortest } from '../storage/shortest';
import { rowRange, visitRows } from '../values';
import { FRAME_COLUMN } from './modality-table';

/** Characters gathered before they are written. */
const BLOCK = 2 ** 20;

/** Writes a data set into `folder`, which must not be there: labels.csv and one <modality>.csv each. */
export async function writeCsv(folder: string, dataset: Dataset): Promise<void> {
  await mkdir(folder);
  await writeLabels(path.join(folder, 'labels.csv'), dataset);
  for (const modality of dataset.modalities) {
    await writeModality(path.join(folder, `${modality.name}.csv`), modality, dataset.ids);
  }
}

/** labels.csv alone: id, split, label, then the other columns. */
export async function writeLabels(file: string, dataset: Dataset): Promise<void> {
  await using lines = await Lines.create(file);
  const columns = labelColumns(dataset);
  await lines.add(csvLine([...columns.keys()]));
  for (let example = 0; example < dataset.size; example += 1) {
    await lines.add(csvLine([...columns.values()].map((cells) => cells[example] as string)));
  }
}

async function writeModality(
  file: string,
  modality: Modality,
  ids: readonly string[],
): Promise<void> {
  const { name, features, offsets, columns, nanIsMissing = false } = modality;
  const isSequence = offsets !== undefined;
  const names = columns ?? Array.from({ length: features }, (_, i) => `${name}_${String(i)}`);
  await using lines = await Lines.create(file);
  await lines.add(csvLine(['id', ...(isSequence ? [FRAME_COLUMN] : []), ...names]));
  const quoted = ids.map((id) => csvLine([id]).trimEnd());
  const cellOf = (value: number): string =>
    Number.isNaN(value) && nanIsMissing ? '' : shortest(value, true);

  let example = 0;
  const skipEmpty = async (row: number): Promise<void> => {
    while (example < ids.length && rowRange(modality, example)[1] <= row) {
      const [begin, end] = rowRange(modality, example);
      if (begin === end) await lines.add(`${quoted[example] as string},${','.repeat(features)}\n`);
      example += 1;
    }
  };
  await visitRows(modality, async (chunk, first) => {
    for (let begin = 0; begin < chunk.length; begin += features) {
      const row = first + begin / features;
      await skipEmpty(row);
      const frame = isSequence ? `,${String(row - (offsets[example] as number))}` : '';
      const cells = Array.from(chunk.subarray(begin, begin + features), cellOf);
      await lines.add(`${quoted[example] as string}${frame},${cells.join(',')}\n`);
    }
  });
  await skipEmpty(Infinity);
}

function csvLine(cells: readonly string[]): string {
  return `${Papa.unparse([cells as string[]], { newline: '\n' })}\n`;
}

/** A text file that is written in large blocks. */
class Lines {
  readonly #handle: FileHandle;
  #block = '';

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async create(path: string): Promise<Lines> {
    return new Lines(await open(path, 'wx'));
  }

  async add(line: string): Promise<void> {
    this.#block += line;
    if (this.#block.length >= BLOCK) await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#handle.writeFile(this.#block);
    this.#block = '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#flush();
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }
}
