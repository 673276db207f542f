import { readFileSync } from 'node:fs';
import * as path from 'node:path';

import type { StoredArray, TextArray } from '../../../lib/data/storage/array';
import { MemoryBytes } from '../../../lib/data/storage/bytes';
import { CmirError } from '../../../lib/errors';
import { keyedGenerator } from '../../../lib/data/random';
import { mutate } from '../../helpers/mutate';

/** What test/python/arrays.py says of an array. */
export interface Expected {
  readonly shape: number[];
  readonly type: string;
  readonly texts?: string[];
  /** Bytes of the values, in hexadecimal. */
  readonly float32?: string;
  readonly float64?: string;
}

/** What an array holds, in the same form: bit for bit, but that NaN is one NaN where it is converted. */
export async function contentOf(array: StoredArray | TextArray): Promise<Expected> {
  const shape = [...array.shape];
  if (array.kind === 'texts') return { shape, type: 'str', texts: [...array.values] };
  return {
    shape,
    type: array.type,
    float64: hexOf(await array.float64(), array.type),
    float32: hexOf(await array.float32(), array.type),
  };
}

/** Brings what Python says into the form of contentOf. */
export function canonical(expected: Expected): Expected {
  const { shape, type, texts, float32 = '', float64 = '' } = expected;
  if (texts !== undefined) return { shape, type: 'str', texts };
  const bytes = (hex: string): ArrayBuffer => new Uint8Array(Buffer.from(hex, 'hex')).buffer;
  return {
    shape,
    type,
    float64: hexOf(new Float64Array(bytes(float64)), type),
    float32: hexOf(new Float32Array(bytes(float32)), type),
  };
}

function hexOf(values: Float32Array | Float64Array, type: string): string {
  const isCopy = type === (values.BYTES_PER_ELEMENT === 4 ? 'float32' : 'float64');
  const canonicalised = isCopy
    ? values
    : values.map((value) => (Number.isNaN(value) ? NaN : value));
  return Buffer.from(canonicalised.buffer).toString('hex');
}

export function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

export function memory(content: Uint8Array, name = 'damaged'): MemoryBytes {
  return new MemoryBytes(name, content);
}

/**
 * Gives `read` damaged copies of `bytes`. Returns how many it read and refused, and what it did otherwise: any
 * error but an ERR_CMIR_DATA that names the file.
 */
export async function fuzz(
  bytes: Uint8Array,
  count: number,
  read: (damaged: Buffer) => Promise<unknown>,
): Promise<{ read: number; refused: number; wrong: unknown[] }> {
  const random = keyedGenerator(count, bytes.length);
  const result = { read: 0, refused: 0, wrong: [] as unknown[] };
  for (let round = 0; round < count; round += 1) {
    try {
      await read(mutate(bytes, random));
      result.read += 1;
    } catch (error) {
      result.refused += 1;
      const isExpected =
        error instanceof CmirError &&
        error.code === 'ERR_CMIR_DATA' &&
        error.message.startsWith('damaged');
      if (!isExpected) result.wrong.push(error);
    }
  }
  return result;
}

/** Damaged files a format in a run of the tests; CMIR_FUZZ asks for more. */
export const MUTATIONS = Number(process.env['CMIR_FUZZ'] ?? 2000);

export const ARRAYS_PY = path.join('test', 'python', 'arrays.py');
