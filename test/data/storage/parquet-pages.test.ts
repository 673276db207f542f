import { brotliCompressSync, gzipSync } from 'node:zlib';

import { inflatePage } from '../../../lib/data/storage/parquet/compression';
import {
  joinStreams,
  PageReader,
  readDeltas,
  readRuns,
} from '../../../lib/data/storage/parquet/encodings';

function reader(...bytes: number[]): PageReader {
  return new PageReader(Uint8Array.of(...bytes));
}

describe('runs', () => {
  test('of packed bits are read as the format describes them', () => {
    const packed = reader(0b11, 0b10001000, 0b11000110, 0b11111010);
    expect([...readRuns(packed, 3, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('of one value are as long as they say, and no longer than is asked for', () => {
    expect([...readRuns(reader(6, 5, 4, 9), 4, 5)]).toEqual([5, 5, 5, 9, 9]);
    // 2^31 - 1 times 7.
    expect([...readRuns(reader(0xfe, 0xff, 0xff, 0xff, 0x0f, 7), 3, 2)]).toEqual([7, 7]);
  });

  test('of up to 31 bits are read, across bytes', () => {
    const value = 0x6abcdef1;
    const bits = Array.from({ length: 8 }, () => value.toString(2).padStart(31, '0'))
      .reverse()
      .join('');
    const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)).reverse();
    expect([...readRuns(reader(3, ...bytes), 31, 8)]).toEqual(Array(8).fill(value));
  });

  test('may leave the end of the last group away', () => {
    expect([...readRuns(reader(3, 0b101), 1, 3)]).toEqual([1, 0, 1]);
  });

  test.each<[string, number[], number, number]>([
    ['that end early', [3, 1], 4, 8],
    ['without a value', [6], 4, 3],
    ['without an end', [], 1, 1],
    ['whose length is beyond all', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 1, 1],
    ['of too many bits', [3, 1, 1, 1, 1], 33, 1],
  ])('%s are refused', (_, bytes, width, count) => {
    expect(() => readRuns(reader(...bytes), width, count)).toThrow(RangeError);
  });
});

describe('differences', () => {
  test('are read as the format describes them', () => {
    // 7, 5, 3, 1, 2, 3, 4, 5: deltas from the least, -2, in 2 bits each.
    const bytes = [8, 1, 8, 14, 3, 2, 0b11000000, 0b00111111];
    expect([...readDeltas(reader(...bytes), 8)].map(Number)).toEqual([7, 5, 3, 1, 2, 3, 4, 5]);
  });

  test('wrap around as 64 bits do', () => {
    const most = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    const values = readDeltas(reader(8, 1, 2, ...most, 2, 0), 2);
    expect([...values]).toEqual([2n ** 63n - 1n, -(2n ** 63n)]);
  });

  test.each<[string, number[]]>([
    ['of blocks without parts', [8, 0, 8, 14, 3, 0]],
    ['of parts beyond the page', [0x80, 0x80, 0x40, 0x80, 0x80, 0x04, 8, 14, 3]],
    ['of parts that are no bytes', [9, 1, 8, 14, 3, 2, 1, 1]],
    ['of too many bits', [8, 1, 8, 14, 3, 65, ...Array<number>(70).fill(0)]],
    ['that end early', [8, 1, 8, 14, 3, 2, 1]],
  ])('%s are refused', (_, bytes) => {
    expect(() => readDeltas(reader(...bytes), 8)).toThrow(RangeError);
  });
});

test('streams of bytes are joined', () => {
  expect([...joinStreams(reader(1, 2, 3, 4, 5, 6), 2, 3)]).toEqual([1, 4, 2, 5, 3, 6]);
  expect(() => joinStreams(reader(1, 2), 2 ** 30, 2 ** 30)).toThrow(RangeError);
});

describe('pages', () => {
  const text = Buffer.from('abcabcabcabc');

  test.each<[string, Uint8Array]>([
    ['UNCOMPRESSED', text],
    ['GZIP', gzipSync(text)],
    ['BROTLI', brotliCompressSync(text)],
    // A literal of 3, then a copy that repeats itself.
    ['SNAPPY', Buffer.from([12, 0b1000, ...Buffer.from('abc'), 0b10101, 3])],
    // The same with two bytes and four bytes of distance.
    ['SNAPPY', Buffer.from([12, 0b1000, ...Buffer.from('abc'), 0b100010, 3, 0])],
    ['SNAPPY', Buffer.from([12, 0b1000, ...Buffer.from('abc'), 0b100011, 3, 0, 0, 0])],
    // A literal whose length takes a byte.
    ['SNAPPY', Buffer.from([12, 60 << 2, 11, ...text])],
    // Frame header, then one raw block.
    ['ZSTD', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 12, 0x61, 0, 0, ...text])],
  ])('compressed as %s are inflated', (codec, page) => {
    expect(Buffer.from(inflatePage(codec, page, 12))).toEqual(text);
    expect(() => inflatePage(codec, page, 11)).toThrow();
    if (codec !== 'ZSTD') expect(() => inflatePage(codec, page, 13)).toThrow();
  });

  test('without content are inflated', () => {
    expect(inflatePage('GZIP', gzipSync(''), 0)).toHaveLength(0);
    expect(inflatePage('SNAPPY', Uint8Array.of(0), 0)).toHaveLength(0);
  });

  test('that claim to hold more than any could are refused before they are inflated', () => {
    expect(() => inflatePage('SNAPPY', Buffer.alloc(10), 2 ** 30)).toThrow(/claims to hold/);
    expect(() => inflatePage('SNAPPY', Buffer.alloc(10), -1)).toThrow(/claims to hold -1/);
  });

  test.each<[string, number[]]>([
    [
      'a literal of 4 GB, which other decoders take for a step back',
      [12, 63 << 2, 0xff, 0xff, 0xff, 0xff, 1],
    ],
    ['a copy from before the begin', [12, 0b10101, 3]],
    ['a copy of nothing', [12, 0, 65, 0b10101, 0]],
    ['a copy beyond the end', [4, 0b1000, 1, 2, 3, 0b10101, 3]],
    ['a length without an end', [0xff, 0xff]],
  ])('of Snappy with %s are refused', (_, bytes) => {
    expect(() => inflatePage('SNAPPY', Uint8Array.of(...bytes), bytes[0] ?? 0)).toThrow(RangeError);
  });
});
