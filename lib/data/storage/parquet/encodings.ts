/**
 * How Parquet encodes values (https://github.com/apache/parquet-format/blob/master/Encodings.md). Everything here is
 * bounded by what it is given: counts come from the caller, bytes from the page. Throws a RangeError for bytes
 * that do not hold what they must.
 */

/** Reads the bytes of a page from the front. */
export class PageReader {
  #at = 0;
  readonly #view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  byte(): number {
    const value = this.bytes[this.#at];
    if (value === undefined) throw new RangeError('a page ends early');
    this.#at += 1;
    return value;
  }

  uint32(): number {
    this.#require(4);
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** A view of the next bytes. */
  take(length: number): Uint8Array {
    this.#require(length);
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  /** An unsigned LEB128 number that fits 32 bits. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80 && value < 2 ** 32) return value;
    }
    throw new RangeError('a page holds a number beyond 32 bits');
  }

  /** A zigzag LEB128 number of 64 bits. */
  zigzag(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return (value >> 1n) ^ -(value & 1n);
    }
    throw new RangeError('a page holds a number beyond 64 bits');
  }

  #require(length: number): void {
    if (!(length >= 0 && length <= this.left)) throw new RangeError('a page ends early');
  }
}

/** The hybrid of run lengths and packed bits: `count` numbers of `width` bits. */
export function readRuns(reader: PageReader, width: number, count: number): Int32Array {
  const values = new Int32Array(count);
  if (width === 0) return values;
  if (width > 31) throw new RangeError(`a page holds indices of ${String(width)} bits`);
  for (let done = 0; done < count;) {
    const header = reader.varint();
    const length = Math.floor(header / 2);
    if (header % 2 === 0) {
      const end = Math.min(count, done + length);
      values.fill(readBytes(reader, Math.ceil(width / 8)), done, end);
      done = end;
    } else {
      // Groups of eight; the last may be cut at the page's end, and padded beyond what is asked for.
      const end = Math.min(count, done + 8 * length);
      const bytes = Math.min(length * width, reader.left);
      unpack(reader.take(bytes), width, values.subarray(done, end));
      done = end;
    }
  }
  return values;
}

function readBytes(reader: PageReader, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i += 1) value += reader.byte() * 2 ** (8 * i);
  return value;
}

/** Numbers of `width` bits, the lowest first. */
function unpack(bytes: Uint8Array, width: number, target: Int32Array): void {
  if (target.length * width > bytes.length * 8) throw new RangeError('a page ends early');
  const mask = 2 ** width - 1;
  for (let i = 0; i < target.length; i += 1) {
    const bit = i * width;
    const at = bit >> 3;
    // Five bytes hold any 32 bits.
    const low =
      (bytes[at] as number) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24);
    const shift = bit & 7;
    const high = shift === 0 ? 0 : (bytes[at + 4] ?? 0) << (32 - shift);
    target[i] = ((low >>> shift) | high) & mask;
  }
}

/** Delta encoding: a first value, then blocks of packed differences. */
export function readDeltas(reader: PageReader, count: number): BigInt64Array {
  const values = new BigInt64Array(count);
  const blockSize = reader.varint();
  const perBlock = reader.varint();
  reader.varint();
  const size = blockSize / perBlock;
  if (!Number.isInteger(size) || size % 8 !== 0 || size === 0 || perBlock > reader.left) {
    throw new RangeError('a page holds delta blocks of no valid size');
  }
  let value = reader.zigzag();
  if (count > 0) values[0] = value;
  for (let done = 1; done < count;) {
    const least = reader.zigzag();
    const widths = reader.take(perBlock);
    for (const width of widths) {
      if (done >= count) break;
      if (width > 64) throw new RangeError(`a page holds differences of ${String(width)} bits`);
      const packed = reader.take((size / 8) * width);
      const end = Math.min(count, done + size);
      for (let i = 0; done < end; i += 1, done += 1) {
        value = BigInt.asIntN(64, value + least + bitsAt(packed, i * width, width));
        values[done] = value;
      }
    }
  }
  return values;
}

function bitsAt(bytes: Uint8Array, bit: number, width: number): bigint {
  let value = 0n;
  for (let i = bit >> 3; i * 8 < bit + width; i += 1) {
    value |= BigInt(bytes[i] as number) << BigInt(8 * (i - (bit >> 3)));
  }
  return BigInt.asUintN(width, value >> BigInt(bit & 7));
}

/** The bytes of all values by place: first bytes, second bytes, and so on. */
export function joinStreams(reader: PageReader, width: number, count: number): Uint8Array {
  const streams = reader.take(width * count);
  const joined = new Uint8Array(width * count);
  for (let place = 0; place < width; place += 1) {
    for (let i = 0; i < count; i += 1) {
      joined[i * width + place] = streams[place * count + i] as number;
    }
  }
  return joined;
}
