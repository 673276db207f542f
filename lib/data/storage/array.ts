import { endianness } from 'node:os';

import { CmirError } from '../../errors';
import { MemoryBytes, readBytes, type Bytes } from './bytes';

/** Types of stored numbers, named as in NumPy. */
export const ELEMENT_BYTES = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
} as const;
export type ElementType = keyof typeof ELEMENT_BYTES;

/** How an array of numbers lies in its bytes. */
export interface ArrayLayout {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Default: little-endian. */
  readonly bigEndian?: boolean;
  /** Default: row-major (C order); else column-major (Fortran order). */
  readonly columnMajor?: boolean;
}

type Numbers = Float32Array | Float64Array;

/** Bytes read and converted at a time: little enough to stay in cache. */
export const CHUNK = 4 * 2 ** 20;

/** Longest axis of an array without elements, as no byte of the file vouches for it. */
const LONGEST_EMPTY = 2 ** 24;

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * An array of numbers where it is stored: nothing is read until its values are asked for, and then they are
 * converted on the way. Its bytes must stay open.
 */
export class StoredArray {
  readonly kind = 'numbers';
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly #layout: ArrayLayout;
  #bytes: Bytes;
  #offset: number;

  /** Throws ERR_CMIR_DATA when its bytes are not all there, or it is long beyond measure without any. */
  constructor(layout: ArrayLayout, bytes: Bytes, offset: number) {
    this.type = layout.type;
    this.shape = layout.shape;
    this.#layout = layout;
    this.#bytes = bytes;
    this.#offset = offset;
    if (!(offset >= 0 && offset + this.byteLength <= bytes.size)) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${bytes.name}, byte ${String(offset)}: an array of ${describeShape(this)} needs ` +
          `${String(this.byteLength)} bytes, but they end at ${String(bytes.size)} (truncated?)`,
      );
    }
    if (this.size === 0 && this.shape.some((length) => length > LONGEST_EMPTY)) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${bytes.name}: found ${describeShape(this)}, which has no elements, expected axes up to ${String(LONGEST_EMPTY)}`,
      );
    }
  }

  /** Number of elements. */
  get size(): number {
    return elementsOf(this.shape);
  }

  get byteLength(): number {
    return this.size * ELEMENT_BYTES[this.type];
  }

  /** Length of the first axis; 1 for a single number. */
  get rows(): number {
    return this.shape[0] ?? 1;
  }

  /** Elements of one entry of the first axis. */
  get rowSize(): number {
    return elementsOf(this.shape.slice(1));
  }

  /** The byte of the file from which on the values lie as row-major little-endian `type`; null where they do not. */
  get plainOffset(): number | null {
    const { fileOffset } = this.#bytes;
    const { bigEndian = false, columnMajor = false } = this.#layout;
    if (fileOffset === undefined || bigEndian || (columnMajor && this.shape.length > 1))
      return null;
    return fileOffset + this.#offset;
  }

  /** Entries [begin, end) of the first axis in row-major order, rounded to float32. */
  async float32(begin = 0, end = this.rows): Promise<Float32Array> {
    const values = new Float32Array((end - begin) * this.rowSize);
    await this.copyTo(values, begin);
    return values;
  }

  /** The same in float64; integers beyond 2^53 are rounded. */
  async float64(begin = 0, end = this.rows): Promise<Float64Array> {
    const values = new Float64Array((end - begin) * this.rowSize);
    await this.copyTo(values, begin);
    return values;
  }

  /** The bytes as they are stored. */
  async bytes(): Promise<Uint8Array> {
    return readBytes(this.#bytes, this.#offset, this.byteLength);
  }

  /** Fills `target` with values from entry `begin` of the first axis on, in row-major order. */
  async copyTo(target: Numbers, begin = 0): Promise<void> {
    const { columnMajor = false } = this.#layout;
    if (!columnMajor || this.shape.length < 2) {
      await this.#read(target, begin * this.rowSize);
    } else {
      await this.#readColumns(target, begin);
    }
  }

  /**
   * Column-major: what is one row of `target` is spread over the whole, a value in each of `rowSize` columns. Of
   * each column the rows asked for lie together, and if they are all rows, so do the columns. Bytes that are read
   * in order only are kept when some rows are asked for: every further asking would read them all again.
   */
  async #readColumns(target: Numbers, begin: number): Promise<void> {
    const { rows, rowSize } = this;
    const count = rowSize === 0 ? 0 : target.length / rowSize;
    if (count === 0) return;
    if (count < rows && this.#bytes.isSequential === true) {
      this.#bytes = new MemoryBytes(this.#bytes.name, await this.bytes());
      this.#offset = 0;
    }
    const together = count === rows ? Math.max(1, Math.floor(CHUNK / (count * 8))) : 1;
    const run = new (target.BYTES_PER_ELEMENT === 4 ? Float32Array : Float64Array)(
      count * Math.min(together, rowSize),
    );
    const inner = this.shape.slice(1);
    const strides = inner.map((_, axis) => elementsOf(inner.slice(axis + 1)));
    for (let first = 0; first < rowSize; first += together) {
      const columns = Math.min(together, rowSize - first);
      await this.#read(run.subarray(0, count * columns), first * rows + begin);
      for (let column = 0; column < columns; column += 1) {
        const place = rowMajorPlace(first + column, inner, strides);
        for (let row = 0; row < count; row += 1) {
          target[row * rowSize + place] = run[column * count + row] as number;
        }
      }
    }
  }

  /** Fills `target` with elements in the order in which they are stored. */
  async #read(target: Numbers, first: number): Promise<void> {
    const { type, bigEndian = false } = this.#layout;
    const width = ELEMENT_BYTES[type];
    const start = this.#offset + first * width;
    const swap = bigEndian !== (endianness() === 'BE') && width > 1;
    if (!swap && isSame(type, target)) {
      await this.#bytes.readInto(
        new Uint8Array(target.buffer, target.byteOffset, target.byteLength),
        start,
      );
      return;
    }
    const count = Math.min(target.length, CHUNK / width);
    const chunk = Buffer.alloc(count * width);
    for (let done = 0; done < target.length; done += count) {
      const part = chunk.subarray(0, Math.min(count, target.length - done) * width);
      await this.#bytes.readInto(part, start + done * width);
      if (swap) swapEach(part, width);
      convert(type, part, target.subarray(done, done + part.length / width));
    }
  }
}

/** An array of texts, in memory. */
export interface TextArray {
  readonly kind: 'texts';
  readonly shape: readonly number[];
  /** In row-major order. */
  readonly values: readonly string[];
}

/** For messages: float32 [12, 50, 74]. */
export function describeShape({ type, shape }: Pick<StoredArray, 'type' | 'shape'>): string {
  return `${type} [${shape.join(', ')}]`;
}

function isSame(type: ElementType, target: Numbers): boolean {
  return type === (target.BYTES_PER_ELEMENT === 4 ? 'float32' : 'float64');
}

function swapEach(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
  else bytes.swap64();
}

/** Where the element at `index` in column-major order of `shape` stands in row-major order. */
function rowMajorPlace(
  index: number,
  shape: readonly number[],
  strides: readonly number[],
): number {
  let rest = index;
  let place = 0;
  shape.forEach((length, axis) => {
    place += (rest % length) * (strides[axis] as number);
    rest = Math.floor(rest / length);
  });
  return place;
}

/** Native-endian elements of `bytes`, as numbers. */
function convert(type: ElementType, bytes: Uint8Array, target: Numbers): void {
  const { buffer, byteOffset } = bytes;
  const { length } = target;
  switch (type) {
    case 'bool':
      for (let i = 0; i < length; i += 1) target[i] = bytes[i] === 0 ? 0 : 1;
      return;
    case 'int8':
      target.set(new Int8Array(buffer, byteOffset, length));
      return;
    case 'uint8':
      target.set(bytes);
      return;
    case 'int16':
      target.set(new Int16Array(buffer, byteOffset, length));
      return;
    case 'uint16':
      target.set(new Uint16Array(buffer, byteOffset, length));
      return;
    case 'int32':
      target.set(new Int32Array(buffer, byteOffset, length));
      return;
    case 'uint32':
      target.set(new Uint32Array(buffer, byteOffset, length));
      return;
    case 'float32':
      target.set(new Float32Array(buffer, byteOffset, length));
      return;
    case 'float64':
      target.set(new Float64Array(buffer, byteOffset, length));
      return;
    case 'int64':
      convertLong(new BigInt64Array(buffer, byteOffset, length), target);
      return;
    case 'uint64':
      convertLong(new BigUint64Array(buffer, byteOffset, length), target);
      return;
    case 'float16':
      halves ??= Float32Array.from({ length: 2 ** 16 }, (_, word) => halfOf(word));
      lookUp(new Uint16Array(buffer, byteOffset, length), target, halves);
      return;
    case 'bfloat16':
      convertBfloat16(new Uint16Array(buffer, byteOffset, length), target);
  }
}

function convertLong(words: BigInt64Array | BigUint64Array, target: Numbers): void {
  for (let i = 0; i < target.length; i += 1) target[i] = Number(words[i]);
}

function lookUp(words: Uint16Array, target: Numbers, table: Float32Array): void {
  for (let i = 0; i < target.length; i += 1) target[i] = table[words[i] as number] as number;
}

/** Every binary16 in order of its bits. */
let halves: Float32Array | undefined;

/** IEEE 754 binary16: 1 sign bit, 5 of the exponent with bias 15, 10 of the fraction. */
export function halfOf(word: number): number {
  const sign = (word & 0x8000) === 0 ? 1 : -1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A bfloat16 is the upper half of a float32. */
function convertBfloat16(words: Uint16Array, target: Numbers): void {
  const bits = Uint32Array.from(words, (word) => word << 16);
  target.set(new Float32Array(bits.buffer));
}
