import type { Dataset, Modality } from '../dataset';
import { labelColumns } from '../label';
import { numbersOf } from '../numbers';
import type { TextArray } from '../storage/array';
import { writeNpz, type ArraySource } from '../storage/npz-write';
import { rowChunks, rowsOf } from '../values';

type Arrays = [string, ArraySource | TextArray][];

/**
 * Writes a data set as one NPZ file, which must not be there: id, split, label and the other columns [N]; for each
 * modality its values [N, D], or [frames, D] with <modality>_offsets [N + 1]; and, where there are any,
 * <modality>_missing of the values' shape and <modality>_columns.
 */
export async function writeNpzDataset(file: string, dataset: Dataset): Promise<void> {
  const arrays = columnArrays(dataset);
  for (const modality of dataset.modalities) arrays.push(...modalityArrays(modality));
  await writeNpz(file, arrays);
}

function columnArrays(dataset: Dataset): Arrays {
  return [...labelColumns(dataset)].map(([name, cells]) => {
    const numbers = name === 'id' || name === 'split' ? null : numbersOf(cells);
    return [name, numbers === null ? texts(cells) : source('float64', numbers)];
  });
}

function modalityArrays(modality: Modality): Arrays {
  const { name, features, offsets, columns, nanIsMissing = false } = modality;
  const shape = [rowsOf(modality), features];
  const each =
    (convert: (chunk: Float32Array) => ArrayBufferView) => (): AsyncGenerator<Uint8Array> =>
      (async function* () {
        for await (const { chunk } of rowChunks(modality)) yield bytesOf(convert(chunk));
      })();
  const arrays: Arrays = [
    [
      name,
      {
        kind: 'source',
        type: 'float32',
        shape,
        // What is missing is marked on its own, so that sums and means need no care.
        chunks: each((chunk) =>
          nanIsMissing ? chunk.map((v) => (Number.isNaN(v) ? 0 : v)) : chunk,
        ),
      },
    ],
  ];
  if (nanIsMissing) {
    const chunks = each((chunk) =>
      Uint8Array.from(chunk, (value) => (Number.isNaN(value) ? 1 : 0)),
    );
    arrays.push([`${name}_missing`, { kind: 'source', type: 'bool', shape, chunks }]);
  }
  if (offsets !== undefined) {
    arrays.push([`${name}_offsets`, source('int64', BigInt64Array.from(offsets, BigInt))]);
  }
  if (columns !== undefined) arrays.push([`${name}_columns`, texts(columns)]);
  return arrays;
}

function texts(values: readonly string[]): TextArray {
  return { kind: 'texts', shape: [values.length], values };
}

function source(type: 'float64' | 'int64', values: Float64Array | BigInt64Array): ArraySource {
  return { kind: 'source', type, shape: [values.length], chunks: () => [bytesOf(values)] };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
