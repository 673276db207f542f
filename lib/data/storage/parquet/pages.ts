import type { ColumnMetaData, PageHeader, SchemaElement } from 'hyparquet' with {
  'resolution-mode': 'import',
};

import { inflatePage } from './compression';
import { joinStreams, PageReader, readDeltas, readRuns } from './encodings';

/** Values as they are stored, before their logical type is looked at; texts and the like are bytes. */
export type StoredValues =
  Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array | Uint8Array[];

/** A column's values in one row group. Where `nulls` is 1 there is no value. */
export interface StoredColumn {
  readonly values: StoredValues;
  readonly nulls: Uint8Array | null;
}

/** hyparquet's reader of page headers. */
export type ReadHeader = (reader: { view: DataView; offset: number }) => PageHeader;

/** What of a file's metadata is needed to read a chunk. */
export interface ChunkType {
  readonly element: SchemaElement;
  readonly codec: ColumnMetaData['codec'];
  readonly rows: number;
}

/**
 * Decodes the pages of one column in one row group, without nesting. hyparquet's own decoder would trust the counts
 * in them: a run of a billion values takes five bytes. Throws an error for pages that are not as they must be.
 */
export function decodeChunk(
  chunk: Uint8Array,
  type: ChunkType,
  readHeader: ReadHeader,
): StoredColumn {
  const reader = { view: viewOf(chunk), offset: 0 };
  const column = new ColumnDecoder(type);
  while (column.left > 0) {
    const header = readHeader(reader);
    const { compressed_page_size: size } = header;
    if (!(size >= 0 && size <= chunk.length - reader.offset)) {
      throw new RangeError(`a page of ${String(size)} bytes ends outside its column`);
    }
    column.add(header, chunk.subarray(reader.offset, reader.offset + size));
    reader.offset += size;
  }
  return column.finish();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class ColumnDecoder {
  readonly #type: ChunkType;
  readonly #values: StoredValues;
  #nulls: Uint8Array | null = null;
  readonly #isNullable: boolean;
  #dictionary: StoredValues | null = null;
  #rows = 0;

  constructor(type: ChunkType) {
    this.#type = type;
    this.#values = newValues(type.element, type.rows);
    this.#isNullable = type.element.repetition_type === 'OPTIONAL';
  }

  /** Rows that are still to come. */
  get left(): number {
    return this.#type.rows - this.#rows;
  }

  finish(): StoredColumn {
    return { values: this.#values, nulls: this.#nulls };
  }

  add(header: PageHeader, content: Uint8Array): void {
    const { uncompressed_page_size: size } = header;
    const { codec } = this.#type;
    if (header.data_page_header !== undefined) {
      const { num_values: rows, encoding } = header.data_page_header;
      const page = new PageReader(inflatePage(codec, content, size));
      const levels = this.#isNullable ? page.take(page.uint32()) : null;
      this.#addRows(rows, levels, encoding, page);
    } else if (header.data_page_header_v2 !== undefined) {
      const {
        num_values: rows,
        encoding,
        definition_levels_byte_length: levelBytes,
        repetition_levels_byte_length: repetitions,
        is_compressed: isCompressed,
      } = header.data_page_header_v2;
      if (repetitions !== 0) throw new RangeError('a page holds lists');
      const levels = new PageReader(content).take(levelBytes);
      const values = content.subarray(levelBytes);
      const way = isCompressed === false ? 'UNCOMPRESSED' : codec;
      const page = new PageReader(inflatePage(way, values, size - levelBytes));
      this.#addRows(rows, this.#isNullable ? levels : null, encoding, page);
    } else if (header.dictionary_page_header !== undefined) {
      const { num_values: count } = header.dictionary_page_header;
      const page = new PageReader(inflatePage(codec, content, size));
      this.#dictionary = this.#readPlain(page, checkCount(count, size));
    }
  }

  /** Values of some more rows. `levels` tell which of them are null. */
  #addRows(rows: number, levels: Uint8Array | null, encoding: string, page: PageReader): void {
    checkCount(rows, this.left);
    const present = levels === null ? null : readRuns(new PageReader(levels), 1, rows);
    const count = present === null ? rows : present.reduce((sum, bit) => sum + bit, 0);
    const values = this.#readValues(encoding, page, count);
    const first = this.#rows;
    this.#rows += rows;
    if (present === null || count === rows) {
      place(this.#values, values, first);
      return;
    }
    this.#nulls ??= new Uint8Array(this.#type.rows);
    let next = 0;
    for (let i = 0; i < rows; i += 1) {
      if (present[i] === 0) {
        this.#nulls[first + i] = 1;
      } else {
        this.#values[first + i] = values[next] as never;
        next += 1;
      }
    }
  }

  #readValues(encoding: string, page: PageReader, count: number): StoredValues {
    const { type } = this.#type.element;
    switch (encoding) {
      case 'PLAIN':
        return this.#readPlain(page, count);
      case 'PLAIN_DICTIONARY':
      case 'RLE_DICTIONARY':
        return this.#lookUp(readRuns(page, count === 0 ? 0 : page.byte(), count));
      case 'RLE':
        if (type !== 'BOOLEAN') break;
        return Uint8Array.from(readRuns(new PageReader(page.take(page.uint32())), 1, count));
      case 'DELTA_BINARY_PACKED':
        if (type !== 'INT32' && type !== 'INT64') break;
        return count === 0 ? [] : integersOf(type, readDeltas(page, count));
      case 'DELTA_LENGTH_BYTE_ARRAY':
        if (type !== 'BYTE_ARRAY') break;
        return count === 0 ? [] : Array.from(readDeltas(page, count), (n) => page.take(Number(n)));
      case 'BYTE_STREAM_SPLIT': {
        const width = widthOf(this.#type.element);
        return this.#readPlain(new PageReader(joinStreams(page, width, count)), count);
      }
    }
    throw new RangeError(
      `its values are encoded as ${encoding}, which is not read; write it PLAIN or with a dictionary`,
    );
  }

  #lookUp(indices: Int32Array): StoredValues {
    const dictionary = this.#dictionary;
    if (dictionary === null) throw new RangeError('a page of indices comes before its dictionary');
    const values = newValues(this.#type.element, indices.length);
    indices.forEach((index, i) => {
      const value = dictionary[index];
      if (value === undefined) {
        throw new RangeError(
          `a page holds index ${String(index)} of a dictionary of ${String(dictionary.length)}`,
        );
      }
      values[i] = value;
    });
    return values;
  }

  /** Values one after another. */
  #readPlain(page: PageReader, count: number): StoredValues {
    const { element } = this.#type;
    if (element.type === 'BYTE_ARRAY') {
      return Array.from({ length: checkCount(count, page.left / 4) }, () =>
        page.take(page.uint32()),
      );
    }
    if (element.type === 'BOOLEAN') {
      const bits = page.take(Math.ceil(count / 8));
      return Uint8Array.from(
        { length: count },
        (_, i) => ((bits[i >> 3] as number) >> (i & 7)) & 1,
      );
    }
    const width = widthOf(element);
    // A copy: the page's bytes need not be aligned.
    const bytes = new Uint8Array(page.take(count * width));
    if (element.type === 'FIXED_LEN_BYTE_ARRAY') {
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * width, (i + 1) * width));
    }
    return newValues(element, count, bytes.buffer);
  }
}

function checkCount(count: number, most: number): number {
  if (!(Number.isInteger(count) && count >= 0 && count <= most)) {
    throw new RangeError(`a page claims ${String(count)} values, expected ${String(most)} at most`);
  }
  return count;
}

/** Bytes of a value of a type of fixed width. */
function widthOf({ type, type_length: length }: SchemaElement): number {
  switch (type) {
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'FIXED_LEN_BYTE_ARRAY':
      if (length !== undefined && length > 0) return length;
  }
  throw new RangeError(`its values of type ${String(type)} have no width`);
}

/** Room for values of a type, or a view of their bytes. */
function newValues({ type }: SchemaElement, count: number, bytes?: ArrayBuffer): StoredValues {
  switch (type) {
    case 'BOOLEAN':
      return new Uint8Array(count);
    case 'INT32':
      return new Int32Array(bytes ?? new ArrayBuffer(4 * count));
    case 'INT64':
      return new BigInt64Array(bytes ?? new ArrayBuffer(8 * count));
    case 'FLOAT':
      return new Float32Array(bytes ?? new ArrayBuffer(4 * count));
    case 'DOUBLE':
      return new Float64Array(bytes ?? new ArrayBuffer(8 * count));
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return new Array<Uint8Array>(count);
    default:
      throw new RangeError(`its values have type ${String(type)}, which is not read`);
  }
}

function integersOf(type: 'INT32' | 'INT64', values: BigInt64Array): StoredValues {
  return type === 'INT64'
    ? values
    : Int32Array.from(values, (value) => Number(BigInt.asIntN(32, value)));
}

/** Puts values of the same kind into others from `first` on. */
function place(target: StoredValues, values: StoredValues, first: number): void {
  if (Array.isArray(target)) {
    for (let i = 0; i < values.length; i += 1) target[first + i] = values[i] as Uint8Array;
  } else if (values.length > 0) {
    (target as { set(values: unknown, offset: number): void }).set(values, first);
  }
}
