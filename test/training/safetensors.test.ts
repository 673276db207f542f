import { decodeTensors, encodeTensors } from '../../lib/training/safetensors';
import { errorOf } from './fixture';

const LENGTH_BYTES = 8;

/** A file with this header and so many bytes of data. */
function fileOf(header: unknown, dataBytes: number, padding = ''): Buffer {
  const text = Buffer.from(
    (typeof header === 'string' ? header : JSON.stringify(header)) + padding,
  );
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

function headerOf(bytes: Uint8Array): Record<string, { dtype: string; data_offsets: number[] }> {
  const file = Buffer.from(bytes);
  const end = LENGTH_BYTES + Number(file.readBigUInt64LE());
  return JSON.parse(file.toString('utf8', LENGTH_BYTES, end)) as ReturnType<typeof headerOf>;
}

const content = {
  tensors: {
    'b.weight': { shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-30, -1e30) },
    'a.bias': { shape: [1], data: Float32Array.of(7) },
    'c.wide': { shape: [2], data: Float64Array.of(Math.PI, -Math.E) },
    scalar: { shape: [], data: Float32Array.of(4) },
    empty: { shape: [0, 5], data: new Float32Array() },
  },
  metadata: { format: 'pt', note: 'naïve “text”' },
};

test('what is written is read back, in every precision and shape', () => {
  const { tensors, metadata } = decodeTensors(encodeTensors(content), 'x.safetensors');
  expect(tensors).toEqual(content.tensors);
  expect(metadata).toEqual(content.metadata);
});

test('the layout is the one of the format, byte by byte', () => {
  const bytes = encodeTensors({
    tensors: { x: { shape: [2], data: Float32Array.of(1, 2) } },
    metadata: { k: 'v' },
  });
  const header = '{"__metadata__":{"k":"v"},"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8, ' ');
  expect(bytes).toEqual(
    Buffer.concat([
      Buffer.of(padded.length, 0, 0, 0, 0, 0, 0, 0),
      Buffer.from(padded),
      Buffer.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0x40),
    ]),
  );
});

test('bytes do not depend on the order in which tensors and metadata are given', () => {
  const reversed = {
    tensors: Object.fromEntries(Object.entries(content.tensors).reverse()),
    metadata: Object.fromEntries(Object.entries(content.metadata).reverse()),
  };
  expect(encodeTensors(reversed)).toEqual(encodeTensors(content));
});

test('every tensor is aligned to its element, and the data to 8 bytes', () => {
  const bytes = encodeTensors(content);
  const start = LENGTH_BYTES + Number(Buffer.from(bytes).readBigUInt64LE());
  expect(start % 8).toBe(0);
  for (const [name, { dtype, data_offsets }] of Object.entries(headerOf(bytes))) {
    if (name === '__metadata__') continue;
    expect((data_offsets[0] as number) % (dtype === 'F64' ? 8 : 4)).toBe(0);
  }
});

test('a view into a larger buffer is written alone, and unaligned bytes are read', () => {
  const all = Float32Array.of(0, 1, 2, 3);
  const bytes = encodeTensors({
    tensors: { x: { shape: [2], data: all.subarray(1, 3) } },
    metadata: {},
  });
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  const { tensors } = decodeTensors(shifted.subarray(1), 'x');
  expect(tensors['x']?.data).toEqual(Float32Array.of(1, 2));
});

test('a file without metadata, as other writers make it, is read', () => {
  const entry = { dtype: 'F32', shape: [1], data_offsets: [0, 4] };
  expect(decodeTensors(fileOf({ x: entry }, 4), 'x').metadata).toEqual({});
});

test('every cut of a file is refused', async () => {
  const bytes = encodeTensors(content);
  for (let length = 0; length < bytes.length; length += 1) {
    const error = await errorOf(() => decodeTensors(bytes.subarray(0, length), 'cut.safetensors'));
    expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
    expect(error.message).toContain('cut.safetensors');
  }
});

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
const oversized = Buffer.alloc(16);
oversized.writeBigUInt64LE(2n ** 63n);

test.each<[string, Buffer, RegExp]>([
  ['an empty file', Buffer.alloc(0), /found 0 bytes/],
  ['a header longer than the file', oversized, /header claims 9\d{18} bytes, the file has 16/],
  ['a header that is not JSON', fileOf('{"x":', 0), /header is not JSON/],
  ['a header that is no object', fileOf([1], 0), /header is not an object/],
  ['a header that is null', fileOf('null', 0), /header is not an object/],
  ['metadata that is no object', fileOf({ __metadata__: 'x' }, 0), /metadata is not text/],
  ['metadata of numbers', fileOf({ __metadata__: { a: 1 } }, 0), /metadata is not text/],
  ['an unknown dtype', fileOf({ x: { ...entry, dtype: 'F8_E4M3' } }, 8), /'x' has dtype F8_E4M3/],
  [
    'a dtype named as a method',
    fileOf({ x: { ...entry, dtype: 'toString' } }, 8),
    /has dtype toString/,
  ],
  ['an entry that is null', fileOf({ x: null }, 0), /'x' has dtype undefined/],
  ['a negative length', fileOf({ x: { ...entry, shape: [-2] } }, 8), /'x' has no valid shape/],
  ['a shape that is no list', fileOf({ x: { ...entry, shape: 2 } }, 8), /'x' has no valid shape/],
  [
    'offsets of another size',
    fileOf({ x: { ...entry, data_offsets: [0, 4] } }, 8),
    /not its 8 bytes/,
  ],
  [
    'offsets that run backwards',
    fileOf({ x: { ...entry, data_offsets: [8, 0] } }, 8),
    /not its 8 bytes/,
  ],
  ['data outside the file', fileOf({ x: entry }, 4), /'x' ends at byte .* \(truncated\?\)/],
  ['a gap', fileOf({ x: { ...entry, data_offsets: [4, 12] } }, 12), /begins at byte 4, expected 0/],
  [
    'overlapping tensors',
    fileOf({ x: entry, y: { ...entry, data_offsets: [4, 12] } }, 12),
    /begins at byte 4, expected 8/,
  ],
  ['bytes after the last tensor', fileOf({ x: entry }, 11), /3 bytes follow the last tensor/],
])('%s is refused', async (_, bytes, message) => {
  const error = await errorOf(() => decodeTensors(bytes, 'damaged.safetensors'));
  expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
  expect(error.message).toContain('damaged.safetensors');
  expect(error.message).toMatch(message);
});
