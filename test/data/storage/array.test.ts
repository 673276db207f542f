import { CHUNK, StoredArray, type ArrayLayout } from '../../../lib/data/storage/array';
import { BytesSlice, FileBytes, MemoryBytes, type Bytes } from '../../../lib/data/storage/bytes';
import { errorOf, makeFolder, removeFolders } from '../fixture';

afterEach(removeFolders);

/** Bytes of numbers 0, 1, 2 ... as float32. */
function counting(length: number): Buffer {
  return Buffer.from(Float32Array.from({ length }, (_, i) => i).buffer);
}

function stored(layout: ArrayLayout, content: Uint8Array, offset = 0): StoredArray {
  return new StoredArray(layout, new MemoryBytes('memory', content), offset);
}

test('rows of an array larger than a chunk are converted piece by piece', async () => {
  const rows = CHUNK / 8 + 5;
  const content = Int32Array.from({ length: 3 * rows }, (_, i) => i);
  const array = stored({ type: 'int32', shape: [rows, 3] }, Buffer.from(content.buffer));
  expect(await array.float32()).toEqual(Float32Array.from(content));
  expect(await array.float64(rows - 2)).toEqual(Float64Array.from(content.slice(-6)));
});

test('column-major arrays give rows, whichever are asked for', async () => {
  // numpy.arange(24).reshape(2, 3, 4, order='F')
  const array = stored({ type: 'float32', shape: [2, 3, 4], columnMajor: true }, counting(24));
  const whole = Array.from({ length: 24 }, (_, i) => {
    const [row, middle, last] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
    return row + 2 * middle + 6 * last;
  });
  expect([...(await array.float32())]).toEqual(whole);
  expect([...(await array.float64(1, 2))]).toEqual(whole.slice(12));
  expect([...(await array.float64(1, 1))]).toEqual([]);
});

test('a column-major array longer than a chunk gives all its rows', async () => {
  const rows = CHUNK / 16;
  const array = stored(
    { type: 'float32', shape: [rows, 5], columnMajor: true },
    counting(5 * rows),
  );
  const values = await array.float32();
  expect([...values.subarray(0, 5)]).toEqual([0, rows, 2 * rows, 3 * rows, 4 * rows]);
  expect([...values.subarray(-5)]).toEqual([1, 2, 3, 4, 5].map((i) => i * rows - 1));
});

test('bytes that are read in order are read once for all rows of a column-major array', async () => {
  let passed = 0;
  const memory = new MemoryBytes('memory', counting(12));
  const bytes: Bytes = {
    name: 'memory',
    size: memory.size,
    isSequential: true,
    readInto(target, position) {
      passed += target.length;
      return memory.readInto(target, position);
    },
  };
  const array = new StoredArray({ type: 'float32', shape: [4, 3], columnMajor: true }, bytes, 0);
  for (let row = 0; row < 4; row += 1) {
    expect([...(await array.float32(row, row + 1))]).toEqual([row, row + 4, row + 8]);
  }
  expect(passed).toBe(48);
});

test('where an array lies in a file is told for row-major little-endian bytes of a file only', async () => {
  const folder = makeFolder({ x: counting(6) });
  await using file = await FileBytes.open(`${folder}/x`);
  const slice = new BytesSlice('x', 16, file, 4);
  const layout = { type: 'float32', shape: [2, 2] } as const;
  expect(new StoredArray(layout, slice, 0).plainOffset).toBe(4);
  expect(new StoredArray(layout, file, 8).plainOffset).toBe(8);
  expect(new StoredArray({ ...layout, bigEndian: true }, file, 8).plainOffset).toBeNull();
  expect(new StoredArray({ ...layout, columnMajor: true }, file, 8).plainOffset).toBeNull();
  expect(stored(layout, counting(4)).plainOffset).toBeNull();
  expect([...(await new StoredArray(layout, slice, 0).float32())]).toEqual([1, 2, 3, 4]);
});

test.each<[string, readonly number[], number]>([
  ['bytes that are not all there', [5], 0],
  ['an offset behind the end', [1], 20],
  ['a shape beyond all numbers', [2 ** 40, 2 ** 40], 0],
  ['a shape without elements whose length nothing vouches for', [2 ** 40, 0], 0],
])('%s are refused', async (_, shape, offset) => {
  const error = await errorOf(() => stored({ type: 'float32', shape }, counting(4), offset));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toContain('memory');
});

test('a part of bytes ends where it says', async () => {
  const memory = new MemoryBytes('memory', counting(4));
  const slice = new BytesSlice('slice', 8, memory, 4);
  const error = await errorOf(() => slice.readInto(Buffer.alloc(5), 4));
  expect(error.message).toMatch(/^slice, byte 4: expected 5 more bytes, but they end at 8/);
  expect((await errorOf(() => new BytesSlice('slice', 8, memory, 12))).message).toMatch(/^memory/);
});
