import type { ColumnChunk, FileMetaData, RowGroup, SchemaElement } from 'hyparquet' with {
  'resolution-mode': 'import',
};

import { CmirError, messageOf } from '../../../errors';
import { listNames } from '../../cells';
import { readBytes, type Bytes } from '../bytes';
import { ParquetColumn, readingOf } from './column';
import { isReadable } from './compression';
import { PageReader } from './encodings';
import { decodeChunk, type ReadHeader } from './pages';
import { checkStruct } from './thrift';

export type { ParquetColumn } from './column';

/**
 * What is read at most: rows of a group, and cells for each byte of a file beyond the first million. A table of
 * one value repeated could claim any number of them.
 */
const MOST_ROWS = 2 ** 26;
const CELLS_PER_BYTE = 1000;

const MAGIC = 'PAR1';
/** The length of the metadata, and the magic string. */
const TAIL_BYTES = 8;

/** Rows that are stored together, [first, first + rows) of the table. */
export interface ParquetGroup {
  readonly first: number;
  readonly rows: number;
}

/**
 * A table in a Parquet file: columns of numbers, texts, truth values, days and times. Nothing but its metadata is
 * read until a column of a row group is asked for.
 */
export class ParquetTable {
  readonly columns: readonly string[];
  readonly groups: readonly ParquetGroup[];
  readonly rows: number;
  readonly #bytes: Bytes;
  readonly #elements: readonly SchemaElement[];
  readonly #rowGroups: readonly RowGroup[];
  readonly #readHeader: ReadHeader;

  private constructor(bytes: Bytes, metadata: FileMetaData, readHeader: ReadHeader) {
    this.#bytes = bytes;
    this.#elements = checkSchema(metadata);
    this.#rowGroups = metadata.row_groups;
    this.#readHeader = readHeader;
    this.columns = this.#elements.map(({ name }) => name);
    let rows = 0;
    this.groups = metadata.row_groups.map(({ num_rows: count }) => {
      const group = { first: rows, rows: toCount(count, MOST_ROWS, 'rows of a group') };
      rows += group.rows;
      return group;
    });
    this.rows = rows;
    const cells = rows * this.columns.length;
    if (cells > CELLS_PER_BYTE * (bytes.size + 1000)) {
      throw new RangeError(`it claims ${String(cells)} cells in ${String(bytes.size)} bytes`);
    }
  }

  /**
   * Reads the metadata. Throws ERR_CMIR_DATA, naming the file, for what is no Parquet file or has columns of
   * types that are not read, nested ones among them.
   */
  static async open(bytes: Bytes): Promise<ParquetTable> {
    // hyparquet is an ES module, which CommonJS can only import like this.
    const { parquetMetadata } = await import('hyparquet');
    const { parquetHeader } = await import('hyparquet/src/column.js');
    try {
      const footer = await readFooter(bytes);
      const metadata = parquetMetadata(footer, { geoparquet: false });
      return new ParquetTable(bytes, metadata, parquetHeader);
    } catch (cause) {
      if (cause instanceof CmirError) throw cause;
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${bytes.name}: not a readable Parquet file: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  /** The cells of a column, by its place, in a row group. Throws ERR_CMIR_DATA, naming them, for damaged ones. */
  async read(group: number, column: number): Promise<ParquetColumn> {
    const element = this.#elements[column] as SchemaElement;
    const where = `${this.#bytes.name}, column '${element.name}', row group ${String(group)}`;
    try {
      const { rows } = this.groups[group] as ParquetGroup;
      const chunk = this.#rowGroups[group]?.columns[column];
      const { codec, begin, size } = checkChunk(chunk, element, rows);
      const reading = readingOf(element);
      if (reading === null) throw unread(element);
      const bytes = await readBytes(this.#bytes, begin, size);
      const stored = decodeChunk(bytes, { element, codec, rows }, this.#readHeader);
      return new ParquetColumn(stored, reading, where);
    } catch (cause) {
      if (cause instanceof CmirError) throw cause;
      throw new CmirError('ERR_CMIR_DATA', `${where}: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The metadata at the end of a file, with their length and the magic string behind them. */
async function readFooter(bytes: Bytes): Promise<Buffer> {
  const tail =
    bytes.size < TAIL_BYTES
      ? Buffer.alloc(0)
      : await readBytes(bytes, bytes.size - TAIL_BYTES, TAIL_BYTES);
  if (tail.toString('latin1', TAIL_BYTES - MAGIC.length) !== MAGIC) {
    throw new RangeError(`it does not end with ${MAGIC} (truncated?)`);
  }
  const size = tail.readUInt32LE() + TAIL_BYTES;
  if (size + MAGIC.length > bytes.size) {
    throw new RangeError(`its metadata claim ${String(size)} bytes (truncated?)`);
  }
  const footer = await readBytes(bytes, bytes.size - size, size);
  checkStruct(new PageReader(footer.subarray(0, -TAIL_BYTES)));
  return footer;
}

/** The columns, none of them nested, their names unique. */
function checkSchema({ schema }: FileMetaData): readonly SchemaElement[] {
  const [root, ...elements] = schema;
  const names = new Set<string>();
  for (const element of elements) {
    const { name, repetition_type: repetition, num_children: children = 0 } = element;
    // A damaged footer may lack what the format requires.
    if (typeof (name as unknown) !== 'string') {
      throw new RangeError('its schema is damaged: found a column without a name');
    }
    if (children > 0 || (repetition !== 'REQUIRED' && repetition !== 'OPTIONAL')) {
      throw new RangeError(
        `column '${name}' is nested; expected one value a cell, so one column a feature`,
      );
    }
    if (readingOf(element) === null) throw unread(element);
    if (names.has(name)) throw new RangeError(`found column '${name}' twice`);
    names.add(name);
  }
  if (root?.num_children !== elements.length || elements.length === 0) {
    throw new RangeError(`its schema is damaged: found columns ${listNames([...names])}`);
  }
  return elements;
}

function unread({
  name,
  type,
  converted_type: converted,
  logical_type: logical,
}: SchemaElement): RangeError {
  const kind = logical?.type ?? converted ?? type ?? 'unknown';
  return new RangeError(
    `column '${name}' has type ${kind}; expected numbers, texts, truth values, dates or timestamps`,
  );
}

/** Where a column of a row group lies, and how. */
function checkChunk(
  chunk: ColumnChunk | undefined,
  { name, type }: SchemaElement,
  rows: number,
): { codec: ChunkCodec; begin: number; size: number } {
  const meta = chunk?.meta_data;
  if (meta === undefined || chunk?.file_path !== undefined) {
    throw new RangeError('it is not there: absent, encrypted, or in another file');
  }
  const { path_in_schema: path, codec } = meta;
  if (path.length !== 1 || path[0] !== name || meta.type !== type) {
    throw new RangeError(`found column '${path.join('.')}' of type ${meta.type} in its place`);
  }
  if (!isReadable(codec)) {
    throw new RangeError(
      `it is compressed with ${codec}; write it with SNAPPY, ZSTD, GZIP or BROTLI`,
    );
  }
  if (toCount(meta.num_values, MOST_ROWS, 'values') !== rows) {
    throw new RangeError(`found ${String(meta.num_values)} values, expected ${String(rows)}`);
  }
  const { data_page_offset: data, dictionary_page_offset: dictionary = 0n } = meta;
  // Some writers say 0 where there is no dictionary.
  const begin = dictionary > 0n && dictionary < data ? dictionary : data;
  const most = Number.MAX_SAFE_INTEGER;
  return {
    codec,
    begin: toCount(begin, most, 'bytes before it'),
    size: toCount(meta.total_compressed_size, most, 'bytes'),
  };
}

type ChunkCodec = NonNullable<ColumnChunk['meta_data']>['codec'];

function toCount(value: bigint, most: number, what: string): number {
  if (value >= 0n && value <= BigInt(most)) return Number(value);
  throw new RangeError(`it claims ${String(value)} ${what}`);
}
