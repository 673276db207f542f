import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

import { StoredArray, type TextArray } from '../../../lib/data/storage/array';
import { FileBytes, type Bytes } from '../../../lib/data/storage/bytes';
import { npyHeader } from '../../../lib/data/storage/npy';
import { readNpz } from '../../../lib/data/storage/npz';
import { writeNpz, type ArraySource } from '../../../lib/data/storage/npz-write';
import { ZipWriter } from '../../../lib/data/storage/zip-write';
import { errorOf, makeFolder, removeFolders } from '../fixture';
import { findPython } from '../../helpers/python';
import {
  ARRAYS_PY,
  canonical,
  contentOf,
  fuzz,
  memory,
  MUTATIONS,
  readJson,
  type Expected,
} from './fixture';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

interface Member {
  readonly name: string;
  /** What is compressed, and what the headers say of it where they lie. */
  readonly content: Buffer;
  readonly deflate?: boolean;
  readonly method?: number;
  readonly size?: number;
  readonly crc?: number;
  readonly flags?: number;
  /** The name in the member's own header. */
  readonly localName?: string;
  /** Takes the place of the member before it. */
  readonly overlap?: boolean;
}

/** A zip archive, by hand, so that it can lie. */
function zipOf(members: readonly Member[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let end = 0;
  let offset = 0;
  for (const member of members) {
    const { name, content, deflate = false, localName = name, flags = 0x800 } = member;
    const data = deflate ? deflateRawSync(content) : content;
    const common = Buffer.alloc(22);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(member.method ?? (deflate ? 8 : 0), 4);
    common.writeUInt32LE(member.crc ?? crc32(content), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(member.size ?? content.length, 18);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04'),
      common,
      Buffer.of(Buffer.byteLength(localName), 0, 0, 0),
      Buffer.from(localName),
      data,
    ]);
    if (member.overlap !== true) {
      offset = end;
      bodies.push(local);
      end += local.length;
    }
    const place = Buffer.alloc(18);
    place.writeUInt16LE(Buffer.byteLength(name), 0);
    place.writeUInt32LE(offset, 14);
    directory.push(Buffer.from('PK\x01\x02'), Buffer.alloc(2), common, place, Buffer.from(name));
  }
  const entries = Buffer.concat(directory);
  const tail = Buffer.alloc(18);
  tail.writeUInt16LE(members.length, 4);
  tail.writeUInt16LE(members.length, 6);
  tail.writeUInt32LE(entries.length, 8);
  tail.writeUInt32LE(end, 12);
  return Buffer.concat([...bodies, entries, Buffer.from('PK\x05\x06'), tail]);
}

/** An NPY file of float32 values 0, 1, 2 ... */
function npyOf(...shape: number[]): Buffer {
  const length = shape.reduce((product, n) => product * n, 1);
  const values = Float32Array.from({ length }, (_, i) => i);
  return Buffer.concat([npyHeader('<f4', shape), Buffer.from(values.buffer)]);
}

async function readAll(bytes: Bytes): Promise<[string, Expected][]> {
  const content: [string, Expected][] = [];
  for (const [name, array] of await readNpz(bytes)) content.push([name, await contentOf(array)]);
  return content;
}

function source(values: Float32Array | Float64Array | Int32Array, shape: number[]): ArraySource {
  const type =
    values instanceof Int32Array ? 'int32' : values.BYTES_PER_ELEMENT === 4 ? 'float32' : 'float64';
  return {
    kind: 'source',
    type,
    shape,
    chunks: () => [new Uint8Array(values.buffer, values.byteOffset, values.byteLength)],
  };
}

describeWithPython('archives that NumPy saved', () => {
  let folder = '';
  beforeAll(() => {
    folder = makeFolder({});
    python?.run([ARRAYS_PY, 'write', folder]);
  });
  afterAll(removeFolders);

  test.each(['stored.npz', 'deflated.npz'])('%s holds what it held there', async (name) => {
    const { npz } = readJson(path.join(folder, 'manifest.json')) as {
      npz: Record<string, Expected>;
    };
    await using bytes = await FileBytes.open(path.join(folder, name));
    const expected = Object.entries(npz).map(([key, array]) => [key, canonical(array)]);
    expect(expected.length).toBeGreaterThan(300);
    expect(await readAll(bytes)).toEqual(expected);
  });

  test('a deflated array is inflated in any order, and concurrently', async () => {
    await using bytes = await FileBytes.open(path.join(folder, 'big.npz'));
    const arrays = await readNpz(bytes);
    for (const name of ['c', 'f']) {
      const array = arrays.get(name) as StoredArray;
      const rows = [150, 3, 199, 0].map((row) => array.float64(row, row + 1));
      const firsts = (await Promise.all(rows)).map((values) => values[0]);
      expect(firsts).toEqual([450_000, 9_000, 597_000, 0]);
      expect((await array.float32()).every((value, i) => value === i)).toBe(true);
      expect(array.plainOffset).toBeNull();
    }
  });

  test('never crash or hang when they are damaged', async () => {
    // Small ones, so that every part of them is hit.
    const texts = Buffer.concat([
      npyHeader('<U2', [2]),
      Buffer.from('a\0\0\0b\0\0\0c\0\0\0\0\0\0\0'),
    ]);
    for (const deflate of [false, true]) {
      const bytes = zipOf([
        { name: 'audio.npy', content: npyOf(3, 2), deflate },
        { name: 'id.npy', content: texts, deflate },
      ]);
      const { read, refused, wrong } = await fuzz(bytes, MUTATIONS / 2, (damaged) =>
        readAll(memory(damaged)),
      );
      expect(wrong).toEqual([]);
      expect(read).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
    }
  });

  test('NumPy reads what is written here, name by name and bit by bit', async () => {
    const file = path.join(folder, 'written.npz');
    const texts: TextArray = {
      kind: 'texts',
      shape: [2, 3],
      values: ['', 'naïve', '日本語', '😀', 'a\nb', ' x '],
    };
    const empty: TextArray = { kind: 'texts', shape: [0], values: [] };
    await writeNpz(file, [
      ['train/audio', source(Float32Array.of(1, -0, NaN, Infinity, 1e-45, 3.5), [3, 2])],
      ['wide', source(Float64Array.of(Math.PI), [])],
      ['lengths', source(Int32Array.of(-5, 2 ** 31 - 1), [2])],
      ['nothing', source(new Float32Array(), [0, 7])],
      ['größe', texts],
      ['no texts', empty],
    ]);
    const told = JSON.parse(python?.run([ARRAYS_PY, 'read', file]) ?? '') as Record<
      string,
      Expected
    >;
    await using bytes = await FileBytes.open(file);
    expect(Object.entries(told).map(([name, array]) => [name, canonical(array)])).toEqual(
      await readAll(bytes),
    );
    expect(told['größe']).toMatchObject({ texts: texts.values, shape: [2, 3] });
    expect(told['wide']?.float64).toBe(
      Buffer.from(Float64Array.of(Math.PI).buffer).toString('hex'),
    );
    expect(told['nothing']?.shape).toEqual([0, 7]);
  });

  test('what zip64 holds is read there, and here', async () => {
    const file = path.join(folder, 'zip64.npz');
    await using zip = await ZipWriter.create(file, 0);
    for (const name of ['a.npy', 'b.npy']) {
      const content = npyOf(3);
      await zip.add(name, content.length, [content]);
    }
    await zip.finish();
    const told = JSON.parse(python?.run([ARRAYS_PY, 'read', file]) ?? '') as object;
    expect(Object.keys(told)).toEqual(['a', 'b']);
    await using bytes = await FileBytes.open(file);
    expect(Object.fromEntries(await readAll(bytes))).toEqual(told);
  });

  test('members are written aligned, the same bytes for the same content', async () => {
    const files = ['one.npz', 'two.npz'].map((name) => path.join(folder, name));
    for (const file of files) {
      await writeNpz(file, [
        ['a', source(Float32Array.of(1, 2, 3), [3])],
        ['longer name', source(Float64Array.of(1), [1])],
      ]);
    }
    expect(readFileSync(files[0] as string)).toEqual(readFileSync(files[1] as string));
    await using bytes = await FileBytes.open(files[0] as string);
    for (const array of (await readNpz(bytes)).values()) {
      expect(((array as StoredArray).plainOffset ?? 1) % 64).toBe(0);
    }
  });
});

test('a file whose header claims more than deflate could hold is refused before it is inflated', async () => {
  const bomb = { name: 'x.npy', content: Buffer.alloc(2 ** 20), deflate: true, size: 2 ** 31 };
  const error = await errorOf(() => readNpz(memory(zipOf([bomb]))));
  expect(error.message).toMatch(/^damaged, x\.npy: \d+ bytes cannot inflate to the 2147483648/);
});

test('an array that inflates to more or less than its header says is refused, where it is read', async () => {
  const content = npyOf(100, 100);
  for (const [actual, message] of [
    [Buffer.concat([content, Buffer.alloc(9)]), /inflates to more than the 40128 bytes/],
    [content.subarray(0, -9), /inflates to 40119 bytes, expected 40128/],
  ] as const) {
    const lie = { name: 'x.npy', content: actual, deflate: true, size: content.length };
    const array = (await readNpz(memory(zipOf([lie])))).get('x') as StoredArray;
    // What lies before the end is there.
    expect((await array.float32(0, 1))[99]).toBe(99);
    const error = await errorOf(() => array.float32());
    expect(error.message).toMatch(/^damaged, x\.npy: it/);
    expect(error.message).toMatch(message);
  }
});

test('inflating stops at what is asked for', async () => {
  const content = npyOf(2 ** 20, 4);
  let read = 0;
  const zip = zipOf([{ name: 'x.npy', content, deflate: true }]);
  const bytes: Bytes = {
    name: 'counted',
    size: zip.length,
    readInto(target, position) {
      read += target.length;
      zip.copy(target, 0, position);
      return Promise.resolve();
    },
  };
  const array = (await readNpz(bytes)).get('x') as StoredArray;
  expect((await array.float32(0, 2))[7]).toBe(7);
  expect(read).toBeLessThan(zip.length / 2);
  expect((await array.float64(2 ** 20 - 1))[3]).toBe(2 ** 22 - 1);
});

test('members in folders keep their names, awkward ones too', async () => {
  const names = ['train/audio', '__proto__', 'constructor', 'größe', ' '];
  const zip = zipOf(names.map((name) => ({ name: `${name}.npy`, content: npyOf(1) })));
  expect([...(await readNpz(memory(zip))).keys()]).toEqual(names);
});

const array = { name: 'x.npy', content: npyOf(2) };
const second = { name: 'y.npy', content: npyOf(2) };
const twoMembers = zipOf([array, second]);
test.each<[string, Buffer, RegExp]>([
  ['nothing', Buffer.alloc(0), /^damaged: not a readable NPZ file: End of central directory/],
  [
    'text',
    Buffer.from('id,label\n'.repeat(9)),
    /^damaged: not a readable NPZ file: End of central/,
  ],
  ['a cut file', twoMembers.subarray(0, -9), /^damaged: not a readable NPZ file: /],
  ['a cut front', twoMembers.subarray(9), /^damaged: not a readable NPZ file: /],
  ['members of one name', zipOf([array, array]), /^damaged, x\.npy: found it twice/],
  ['a path out of the archive', zipOf([{ ...array, name: '../x.npy' }]), /invalid relative path/],
  ['a path from the root', zipOf([{ ...array, name: '/x.npy' }]), /absolute path/],
  [
    'a member that is no array',
    zipOf([{ ...array, name: 'x.txt' }]),
    /x\.txt: expected arrays only/,
  ],
  ['a member of PyTorch', zipOf([{ ...array, name: 'archive/data.pkl' }]), /a file of torch\.save/],
  ['a folder', zipOf([{ ...array, name: 'x/' }]), /x\/: expected arrays only/],
  [
    'a member of other content',
    zipOf([{ ...array, content: Buffer.from('text') }]),
    /^damaged, x\.npy: not a readable NPY array: it does not begin with/,
  ],
  [
    'an encrypted member',
    zipOf([{ ...array, flags: 1, deflate: true }]),
    /x\.npy: it is encrypted/,
  ],
  [
    'another compression',
    zipOf([{ ...array, method: 12 }]),
    /x\.npy: it is compressed by method 12/,
  ],
  ['sizes that differ', zipOf([{ ...array, size: 9 }]), /size mismatch for stored file/],
  [
    'a header of another name',
    zipOf([{ ...array, localName: 'z.npy' }]),
    /header of another member/,
  ],
  ['members that overlap', zipOf([array, { ...array, overlap: true }]), /found it twice/],
  [
    'members at one place',
    zipOf([array, { ...second, localName: 'x.npy', overlap: true }]),
    /^damaged, y\.npy: it has the header of another member/,
  ],
  ['nested archives', zipOf([{ ...array, content: twoMembers }]), /does not begin with/],
  [
    'a damaged checksum',
    zipOf([
      {
        ...array,
        content: Buffer.concat([npyHeader('|S9', [1]), Buffer.alloc(9)]),
        deflate: true,
        crc: 1,
      },
    ]),
    /^damaged, x\.npy: its checksum is another/,
  ],
  [
    'bytes that are not deflated',
    zipOf([{ ...array, content: Buffer.alloc(136, 0xff), method: 8 }]),
    /^damaged, x\.npy: it cannot be inflated: /,
  ],
])('%s is refused', async (_, content, message) => {
  const error = await errorOf(() => readAll(memory(content)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(message);
});

test('members within one another are refused', async () => {
  // The second lies in the content of the first.
  const inner = zipOf([second]);
  const outer = { name: 'x.npy', content: Buffer.concat([npyOf(2), inner]) };
  const zip = zipOf([outer, { ...second, overlap: true }]);
  const place = zip.indexOf(Buffer.from('PK\x01\x02'), zip.lastIndexOf('x.npy')) + 42;
  zip.writeUInt32LE(zip.indexOf('PK\x03\x04', 1), place);
  const error = await errorOf(() => readNpz(memory(zip)));
  expect(error.message).toMatch(/^damaged: .*its members x\.npy and y\.npy overlap/);
});

test('every cut of an archive is refused', async () => {
  for (let length = 0; length < twoMembers.length; length += 1) {
    const error = await errorOf(() => readNpz(memory(twoMembers.subarray(0, length))));
    expect(error.message).toMatch(/^damaged/);
  }
});

test('what is written must be as much as was said, and to a new file', async () => {
  const folder = makeFolder({ 'there.npz': '' });
  const short = { ...source(Float32Array.of(1), [2]) };
  await expect(writeNpz(path.join(folder, 'x.npz'), [['x', short]])).rejects.toThrow(
    /x\.npy: got 132 bytes, expected 136/,
  );
  await expect(writeNpz(path.join(folder, 'there.npz'), [])).rejects.toThrow(/EEXIST/);
  removeFolders();
});
