import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';

import type { Dataset, Modality } from '../dataset';
import { labelColumns } from '../label';
import { numbersOf } from '../numbers';
import { writeParquetTable, type ParquetCells, type ParquetSpec } from '../storage/parquet/write';
import { rowChunks, rowRange } from '../values';
import { FRAME_COLUMN } from './modality-table';

/** Writes a data set into `folder`, which must not be there: labels.parquet and one <modality>.parquet each. */
export async function writeParquet(folder: string, dataset: Dataset): Promise<void> {
  await mkdir(folder);
  await writeLabels(path.join(folder, 'labels.parquet'), dataset);
  for (const modality of dataset.modalities) {
    await writeModality(path.join(folder, `${modality.name}.parquet`), modality, dataset.ids);
  }
}

async function writeLabels(file: string, dataset: Dataset): Promise<void> {
  const specs: ParquetSpec[] = [];
  const columns: ParquetCells[] = [];
  for (const [name, cells] of labelColumns(dataset)) {
    const numbers = name === 'id' || name === 'split' ? null : numbersOf(cells);
    specs.push({ name, type: numbers === null ? 'text' : 'float64' });
    columns.push(numbers ?? cells);
  }
  await writeParquetTable(file, specs, [columns]);
}

async function writeModality(
  file: string,
  modality: Modality,
  ids: readonly string[],
): Promise<void> {
  const { name, features, offsets, columns, nanIsMissing = false } = modality;
  const hasEmpty = offsets?.some((offset, i) => i > 0 && offset === offsets[i - 1]) ?? false;
  const nullable = nanIsMissing || hasEmpty;
  const names = columns ?? Array.from({ length: features }, (_, i) => `${name}_${String(i)}`);
  const specs: ParquetSpec[] = [
    { name: 'id', type: 'text' },
    ...(offsets ? [{ name: FRAME_COLUMN, type: 'int32', nullable: hasEmpty } as const] : []),
    ...names.map((column) => ({ name: column, type: 'float32', nullable }) as const),
  ];
  await writeParquetTable(file, specs, groupsOf(modality, ids, nullable));
}

/** Columns of the rows of each chunk; an example without frames is a row of nulls. */
async function* groupsOf(
  modality: Modality,
  ids: readonly string[],
  nullable: boolean,
): AsyncGenerator<ParquetCells[]> {
  const { features, offsets, nanIsMissing = false } = modality;
  let example = 0;
  let group = new Group(features, nullable);
  const skipEmpty = (row: number): void => {
    while (example < ids.length && rowRange(modality, example)[1] <= row) {
      const [begin, end] = rowRange(modality, example);
      if (begin === end) group.addEmpty(ids[example] as string);
      example += 1;
    }
  };
  for await (const { chunk, first } of rowChunks(modality)) {
    for (let begin = 0; begin < chunk.length; begin += features) {
      const row = first + begin / features;
      skipEmpty(row);
      const frame = row - (offsets?.[example] ?? row);
      group.add(
        ids[example] as string,
        frame,
        chunk.subarray(begin, begin + features),
        nanIsMissing,
      );
    }
    yield group.columns(offsets !== undefined);
    group = new Group(features, nullable);
  }
  skipEmpty(Infinity);
  yield group.columns(offsets !== undefined);
}

/** The rows of one row group, column by column. */
class Group {
  readonly #ids: string[] = [];
  readonly #frames: (number | null)[] = [];
  readonly #features: (number | null)[][];
  readonly #nullable: boolean;

  constructor(features: number, nullable: boolean) {
    this.#features = Array.from({ length: features }, () => []);
    this.#nullable = nullable;
  }

  add(id: string, frame: number, values: Float32Array, nanIsMissing: boolean): void {
    this.#ids.push(id);
    this.#frames.push(frame);
    values.forEach((value, feature) => {
      this.#features[feature]?.push(nanIsMissing && Number.isNaN(value) ? null : value);
    });
  }

  addEmpty(id: string): void {
    this.#ids.push(id);
    this.#frames.push(null);
    for (const column of this.#features) column.push(null);
  }

  columns(isSequence: boolean): ParquetCells[] {
    const features = this.#features.map((column) =>
      this.#nullable ? column : Float32Array.from(column as number[]),
    );
    return [this.#ids, ...(isSequence ? [this.#frames] : []), ...features];
  }
}
