import { closeSync, openSync, readSync } from 'node:fs';

import { CmirError, messageOf } from '../errors';
import type { Dataset, FileValues, Modality } from './dataset';
import { StoredArray } from './storage/array';
import { FileBytes } from './storage/bytes';

/** Values handed out at a time where they lie in a file: 4 MB. */
const CHUNK = 2 ** 20;

/** A modality whose values stay in a file until `values` is asked for, and no longer than they are used. */
export function fileModality(
  fields: Omit<Modality, 'values' | 'file'>,
  file: FileValues,
): Modality {
  let values: WeakRef<Float32Array> | undefined;
  return {
    ...fields,
    file,
    get values(): Float32Array {
      const known = values?.deref();
      if (known !== undefined) return known;
      const read = readAll(file);
      values = new WeakRef(read);
      return read;
    },
  };
}

function readAll({ path, offset, length }: FileValues): Float32Array {
  const values = new Float32Array(length);
  const bytes = new Uint8Array(values.buffer);
  try {
    const handle = openSync(path, 'r');
    try {
      for (let done = 0; done < bytes.length;) {
        const count = readSync(
          handle,
          bytes,
          done,
          Math.min(2 ** 30, bytes.length - done),
          offset + done,
        );
        if (count === 0) throw new Error('the file ends before its values do');
        done += count;
      }
    } finally {
      closeSync(handle);
    }
  } catch (cause) {
    throw new CmirError('ERR_CMIR_DATA', `${path}: ${messageOf(cause)}`, { cause });
  }
  return values;
}

/** Rows of a modality's values: examples, or frames of a sequence. */
export function rowsOf(modality: Modality): number {
  return (modality.file?.length ?? modality.values.length) / modality.features;
}

/** Number of examples that a modality tells of. */
export function examplesOf(modality: Modality): number {
  return modality.offsets === undefined ? rowsOf(modality) : modality.offsets.length - 1;
}

/** First and last row, the latter excluded, of an example. */
export function rowRange({ offsets }: Modality, example: number): [number, number] {
  if (offsets === undefined) return [example, example + 1];
  return [offsets[example] as number, offsets[example + 1] as number];
}

/** Frames of the longest example of a sequence; 1 where there is no sequence. */
export function longest(modality: Modality): number {
  const { offsets } = modality;
  if (offsets === undefined) return 1;
  let most = 0;
  for (let i = 1; i < offsets.length; i += 1) {
    most = Math.max(most, (offsets[i] as number) - (offsets[i - 1] as number));
  }
  return most;
}

/** Whole rows of a modality, in the order in which they lie. */
export interface RowChunk {
  /** [rows, features]; it lasts until the next chunk is asked for. */
  readonly chunk: Float32Array;
  /** The row with which it begins. */
  readonly first: number;
}

/** All values of a modality, chunk after chunk, whether they lie in memory or in a file. */
export async function* rowChunks(modality: Modality): AsyncGenerator<RowChunk> {
  const { file, features } = modality;
  const rows = rowsOf(modality);
  const step = Math.max(1, Math.floor(CHUNK / features));
  if (file === undefined) {
    const { values } = modality;
    for (let first = 0; first < rows; first += step) {
      yield { chunk: values.subarray(first * features, (first + step) * features), first };
    }
    return;
  }
  await using bytes = await FileBytes.open(file.path);
  const stored = new StoredArray({ type: 'float32', shape: [rows, features] }, bytes, file.offset);
  for (let first = 0; first < rows; first += step) {
    yield { chunk: await stored.float32(first, Math.min(rows, first + step)), first };
  }
}

/** Hands all chunks of rowChunks to `visit`. */
export async function visitRows(
  modality: Modality,
  visit: (chunk: Float32Array, first: number) => void | Promise<void>,
): Promise<void> {
  for await (const { chunk, first } of rowChunks(modality)) await visit(chunk, first);
}

/** Whether an example has nothing of a modality: no frame, or no value in any of them. */
export async function missingExamples(dataset: Dataset, modality: Modality): Promise<Uint8Array> {
  const { features } = modality;
  const missing = new Uint8Array(dataset.size).fill(1);
  let example = 0;
  await visitRows(modality, (chunk, first) => {
    for (let row = 0; row < chunk.length / features; row += 1) {
      while (rowRange(modality, example)[1] <= first + row) example += 1;
      const frame = chunk.subarray(row * features, (row + 1) * features);
      if (missing[example] === 1 && !frame.every(Number.isNaN)) missing[example] = 0;
    }
  });
  return missing;
}
