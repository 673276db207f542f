import { endianness } from 'node:os';

import { StoredArray, type ElementType } from '../storage/array';
import type { Bytes } from '../storage/bytes';

const SINGLE: ReadonlySet<ElementType> = new Set(['float16', 'float32']);

/** Arrays of one shape, at least one, as one array with a further first axis. They stay where they are stored. */
export function stackArrays(name: string, arrays: readonly StoredArray[]): StoredArray {
  const type = arrays.every((array) => SINGLE.has(array.type)) ? 'float32' : 'float64';
  const { shape } = arrays[0] as StoredArray;
  return new StoredArray(
    { type, shape: [arrays.length, ...shape], bigEndian: endianness() === 'BE' },
    new StackedBytes(name, arrays, type),
    0,
  );
}

/** The values of arrays of one shape, one array after another. */
class StackedBytes implements Bytes {
  readonly size: number;
  /** Bytes of one array. */
  readonly #width: number;

  constructor(
    readonly name: string,
    private readonly arrays: readonly StoredArray[],
    private readonly type: 'float32' | 'float64',
  ) {
    this.#width = (arrays[0]?.size ?? 0) * (type === 'float32' ? 4 : 8);
    this.size = arrays.length * this.#width;
  }

  async readInto(target: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < target.length;) {
      const index = Math.floor((position + done) / this.#width);
      const begin = position + done - index * this.#width;
      const values = await (this.arrays[index] as StoredArray)[this.type]();
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
      const part = bytes.subarray(begin, begin + target.length - done);
      target.set(part, done);
      done += part.length;
    }
  }
}
