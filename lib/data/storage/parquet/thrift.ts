import type { PageReader } from './encodings';

/**
 * Types of Thrift's compact protocol
 * (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md), as far as Parquet uses it.
 */
const STOP = 0;
const TRUE = 1;
const FALSE = 2;
const BYTE = 3;
const I16 = 4;
const I64 = 6;
const DOUBLE = 7;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;

const DEEPEST = 32;
/** Far more than the metadata of thousands of columns in hundreds of row groups. */
const MOST_STRUCTS = 2 ** 22;

/**
 * Walks over a struct and checks what hyparquet would trust: lists are no longer than the bytes that are left,
 * nesting is not deep, and there are not so many structs that they fill memory. Throws a RangeError.
 */
export function checkStruct(reader: PageReader): void {
  new Walker(reader).struct(0);
}

class Walker {
  #structs = 0;

  constructor(private readonly reader: PageReader) {}

  struct(depth: number): void {
    this.#structs += 1;
    this.#checkSize(depth);
    for (;;) {
      const head = this.reader.byte();
      const type = head & 0xf;
      if (type === STOP) return;
      // Without a difference to the last field's number, the number follows.
      if (head >> 4 === 0) this.reader.skipNumber();
      this.#value(type, depth);
    }
  }

  #value(type: number, depth: number): void {
    const { reader } = this;
    if (type === TRUE || type === FALSE) return;
    if (type === BYTE) reader.byte();
    else if (type >= I16 && type <= I64) reader.skipNumber();
    else if (type === DOUBLE) reader.take(8);
    else if (type === BINARY) reader.take(reader.varint());
    else if (type === LIST) this.#list(depth);
    else if (type === STRUCT) this.struct(depth + 1);
    else throw new RangeError(`its metadata have a field of type ${String(type)}`);
  }

  #checkSize(depth: number): void {
    if (depth > DEEPEST || this.#structs > MOST_STRUCTS) {
      throw new RangeError('its metadata are nested, or large, beyond measure');
    }
  }

  #list(depth: number): void {
    this.#checkSize(depth);
    const head = this.reader.byte();
    const size = head >> 4 === 15 ? this.reader.varint() : head >> 4;
    if (size > this.reader.left) throw new RangeError('its metadata end within a list');
    const type = head & 0xf;
    for (let i = 0; i < size; i += 1) {
      // In a list, a truth value takes a byte.
      this.#value(type === TRUE || type === FALSE ? BYTE : type, depth + 1);
    }
  }
}
