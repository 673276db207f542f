import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

import { parse } from 'papaparse';

import { readTable, type TableVisitor } from '../../../lib/data/csv';
import { readParquetTable } from '../../../lib/data/formats/parquet-tables';
import { FileBytes } from '../../../lib/data/storage/bytes';
import { ParquetTable } from '../../../lib/data/storage/parquet';
import { writeParquetTable, type ParquetCells } from '../../../lib/data/storage/parquet/write';
import { errorOf, makeFolder, removeFolders } from '../fixture';
import { fuzz, memory, MUTATIONS } from './fixture';

afterEach(removeFolders);

/** Files of other writers; see make.py there. */
const FIXTURES = path.join('test', 'data', 'fixtures', 'parquet');

function fixture(name: string): Buffer {
  return readFileSync(path.join(FIXTURES, name));
}

/** All cells of a table by column, as text. */
async function textsOf(table: ParquetTable): Promise<Map<string, string[]>> {
  const columns = new Map<string, string[]>();
  for (const [column, name] of table.columns.entries()) {
    const cells: string[] = [];
    for (const group of table.groups.keys())
      cells.push(...(await table.read(group, column)).texts());
    columns.set(name, cells);
  }
  return columns;
}

async function numbersOf(table: ParquetTable, name: string): Promise<number[]> {
  const numbers: number[] = [];
  for (const group of table.groups.keys()) {
    const column = await table.read(group, table.columns.indexOf(name));
    numbers.push(...(column.numbers() ?? []));
  }
  return numbers;
}

/** Reads everything there is. */
async function readAll(bytes: Uint8Array): Promise<void> {
  const table = await ParquetTable.open(memory(bytes));
  for (const group of table.groups.keys()) {
    for (const column of table.columns.keys()) {
      const cells = await table.read(group, column);
      cells.texts();
      cells.numbers();
    }
  }
}

/** Columns of one of the two tables of which the fixtures are made. */
function columnsOf(file: string): Map<string, string[]> {
  const [header = [], ...rows] = parse<string[]>(fixture(file).toString(), {
    skipEmptyLines: true,
  }).data;
  return new Map(header.map((name, column) => [name, rows.map((row) => row[column] ?? '')]));
}

const READABLE = readdirSync(FIXTURES).filter((name) =>
  /^(?:dense|duckdb|polars|pyarrow)-.*\.parquet$/.test(name),
);

test.each(READABLE)('%s reads as the CSV file of the same content', async (name) => {
  const expected = columnsOf(name.startsWith('dense') ? 'dense.csv' : 'whole.csv');
  const table = await ParquetTable.open(memory(fixture(name)));
  const found = await textsOf(table);
  expect(found.size).toBeGreaterThan(4);
  for (const [column, cells] of found) {
    const wanted = expected.get(column) ?? [];
    if (!/^f\d\d$|^few$|^zeros$/.test(column)) {
      expect([column, cells]).toEqual([column, wanted]);
      continue;
    }
    // Decimals that read back as the same number may be written in more than one way.
    const single = column !== 'f64' && column !== 'zeros';
    const numberOf = (cell: string): number =>
      cell === '' ? NaN : single ? Math.fround(Number(cell)) : Number(cell);
    const numbers = wanted.map(numberOf);
    expect([column, cells.map(numberOf)]).toEqual([column, numbers]);
    expect([column, cells.map((cell) => cell === '')]).toEqual([
      column,
      wanted.map((cell) => cell === ''),
    ]);
    expect([column, await numbersOf(table, column)]).toEqual([column, numbers]);
  }
});

test('numbers are float32 where that loses nothing, and texts are none', async () => {
  const table = await ParquetTable.open(memory(fixture('pyarrow-snappy.parquet')));
  const kinds: Record<string, string> = {};
  for (const [column, name] of table.columns.entries()) {
    const numbers = (await table.read(0, column)).numbers();
    kinds[name] = numbers === null ? 'text' : `float${String(8 * numbers.BYTES_PER_ELEMENT)}`;
  }
  const integers = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'];
  expect(kinds).toEqual({
    ...Object.fromEntries(integers.map((name) => [name, 'float64'])),
    ...{ f16: 'float32', f32: 'float32', few: 'float32', f64: 'float64', zeros: 'float64' },
    ...{ decimal: 'float64', truth: 'float64' },
    ...{ text: 'text', unique: 'text', date: 'text', time: 'text' },
  });
});

describe('written here', () => {
  const columns = [
    { name: 'id', type: 'text' },
    { name: 'x', type: 'float32' },
    { name: 'y', type: 'float64', nullable: true },
    { name: 'frame', type: 'int32' },
  ] as const;
  const groups: ParquetCells[][] = [
    [['a', 'b'], Float32Array.of(-0, 0), [1.5, null], Int32Array.of(-1, 2 ** 31 - 1)],
    [[], new Float32Array(), [], new Int32Array()],
    [
      ['c', 'ü "😀",\n', ''],
      Float32Array.of(NaN, 1e-45, Infinity),
      [null, -0, NaN],
      Int32Array.of(0, 0, 0),
    ],
  ];

  async function write(): Promise<string> {
    const file = path.join(makeFolder({}), 'x.parquet');
    await writeParquetTable(file, columns, groups);
    return file;
  }

  test('a table reads back, bit for bit', async () => {
    await using bytes = await FileBytes.open(await write());
    const table = await ParquetTable.open(bytes);
    expect(table.rows).toBe(5);
    expect(table.groups).toEqual([
      { first: 0, rows: 2 },
      { first: 2, rows: 3 },
    ]);
    expect(Object.fromEntries(await textsOf(table))).toEqual({
      id: ['a', 'b', 'c', 'ü "😀",\n', ''],
      x: ['-0', '0', 'NaN', '1e-45', 'Infinity'],
      y: ['1.5', '', '', '-0', 'NaN'],
      frame: ['-1', '2147483647', '0', '0', '0'],
    });
    expect(await numbersOf(table, 'x')).toEqual([-0, 0, NaN, 1.401298464324817e-45, Infinity]);
    const y = await table.read(1, 2);
    expect([0, 1, 2].map((row) => y.isNull(row))).toEqual([true, false, false]);
  });

  test('the same content gives the same bytes', async () => {
    expect(readFileSync(await write())).toEqual(readFileSync(await write()));
  });

  test('a file that is there is not overwritten', async () => {
    const file = await write();
    await expect(writeParquetTable(file, columns, groups)).rejects.toThrow(/EEXIST/);
  });

  test('a table without rows reads back', async () => {
    const file = path.join(makeFolder({}), 'x.parquet');
    await writeParquetTable(file, columns, []);
    await using bytes = await FileBytes.open(file);
    const table = await ParquetTable.open(bytes);
    expect([table.columns, table.rows]).toEqual([['id', 'x', 'y', 'frame'], 0]);
  });
});

describe('as a table by id', () => {
  type Row = [id: string, cells: readonly string[], line: number];

  function collect(rows: Row[], repeatedIds = false): TableVisitor {
    return {
      columns: () => repeatedIds,
      row: (...row) => rows.push(row),
    };
  }

  async function read(columns: Record<string, string[]>, visitor: TableVisitor): Promise<void> {
    const file = path.join(makeFolder({}), 'x.parquet');
    const specs = Object.keys(columns).map((name) => ({ name, type: 'text' }) as const);
    await writeParquetTable(file, specs, [Object.values(columns)]);
    await readParquetTable(file, visitor);
  }

  test('rows come in their order, as those of CSV do', async () => {
    const ids = Array.from({ length: 3000 }, (_, i) => `id ${String(i)}`);
    const rows: Row[] = [];
    await read({ label: ids.map((id) => id.slice(3)), id: ids }, collect(rows));
    const csv = ['label,id', ...ids.map((id) => `${id.slice(3)},${id}`)].join('\n');
    const folder = makeFolder({ 'x.csv': csv });
    const fromCsv: Row[] = [];
    await readTable(path.join(folder, 'x.csv'), collect(fromCsv));
    expect(rows.map(([id, cells]) => [id, cells])).toEqual(
      fromCsv.map(([id, cells]) => [id, cells]),
    );
    expect(rows[2500]?.[2]).toBe(2501);
  });

  test('ids may repeat where the visitor says so', async () => {
    const rows: Row[] = [];
    await read({ id: ['a', ' a '] }, collect(rows, true));
    expect(rows.map(([id]) => id)).toEqual(['a', 'a']);
  });

  test.each<[string, Record<string, string[]>, RegExp]>([
    ['no id', { name: ['a'] }, /x\.parquet: found no column 'id' among name/],
    ['an id twice', { id: ['a', 'a'] }, /x\.parquet, line 2 \(id a\): found the id a second time/],
    ['an empty id', { id: ['a', ''] }, /x\.parquet, line 2: found an empty id/],
    [
      'a column without a name',
      { id: ['a'], ' ': ['b'] },
      /x\.parquet, line 0: column 2 has no name/,
    ],
  ])('with %s is refused', async (_, columns, message) => {
    const error = await errorOf(() => read(columns, collect([])));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toMatch(message);
  });
});

test.each<[string, RegExp]>([
  [
    'nested.parquet',
    /column 'audio' is nested; expected one value a cell, so one column a feature/,
  ],
  ['binary.parquet', /column 'raw', row group 0, row 0: it holds bytes that are not UTF-8/],
  ['lz4.parquet', /column 'id', row group 0: it is compressed with LZ4_RAW; write it with SNAPPY/],
  ['prefixes.parquet', /column 'id', row group 0: its values are encoded as DELTA_BYTE_ARRAY/],
])('%s is refused', async (name, message) => {
  const error = await errorOf(() => readAll(fixture(name)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(/^damaged/);
  expect(error.message).toMatch(message);
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('id,label\na,1\n')],
  ['only the magic string', Buffer.from('PAR1PAR1')],
])('%s is refused', async (_, bytes) => {
  const error = await errorOf(() => ParquetTable.open(memory(bytes)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(/^damaged: not a readable Parquet file: /);
});

/** A file with these metadata. */
function footerOf(...parts: (number | number[])[]): Buffer {
  const metadata = parts.flat();
  const length = Buffer.alloc(4);
  length.writeUInt32LE(metadata.length);
  return Buffer.concat([Buffer.from('PAR1'), Buffer.from(metadata), length, Buffer.from('PAR1')]);
}

test.each<[string, Buffer, RegExp]>([
  [
    'a list longer than the file',
    footerOf(0x19, 0xf8, 0xff, 0xff, 0xff, 0x0f),
    /end within a list/,
  ],
  ['structs within structs', footerOf(Array<number>(99).fill(0x1c)), /nested, or large/],
  ['lists within lists', footerOf(Array<number>(99).fill(0x19)), /nested, or large/],
  [
    'millions of structs',
    footerOf(0x29, 0xfc, 0x80, 0x80, 0x80, 0x03, Array<number>(2 ** 22 + 2 ** 21).fill(0)),
    /nested, or large/,
  ],
  ['fields of unknown types', footerOf(0x1d), /field of type 13/],
  ['nothing in them', footerOf(0), /not a readable Parquet file: /],
  ['a length beyond the file', footerOf(0).fill(0xff, 5, 9), /metadata claim 4294967303 bytes/],
])('metadata with %s are refused', async (_, bytes, message) => {
  const error = await errorOf(() => ParquetTable.open(memory(bytes)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(/^damaged: not a readable Parquet file: /);
  expect(error.message).toMatch(message);
});

test('a damaged footer whose column has no name is refused', async () => {
  const error = await errorOf(() => readAll(fixture('nameless.parquet')));
  expect(error.message).toContain('its schema is damaged: found a column without a name');
});

test('every cut of a file is refused', async () => {
  const bytes = fixture('dense-pyarrow.parquet');
  for (let length = 0; length < bytes.length; length += 1) {
    const error = await errorOf(() => readAll(bytes.subarray(0, length)));
    expect(error.message).toMatch(/^damaged/);
  }
});

test.each(READABLE)('%s never crashes or hangs when it is damaged', async (name) => {
  const count = Math.ceil(MUTATIONS / READABLE.length);
  const { refused, wrong } = await fuzz(fixture(name), count, readAll);
  expect(wrong).toEqual([]);
  expect(refused).toBeGreaterThan(0);
});
