import { readFileSync } from 'node:fs';
import * as path from 'node:path';

import { FileBytes, type Bytes } from '../../../lib/data/storage/bytes';
import { readSafetensors } from '../../../lib/data/storage/safetensors';
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

/** A file with this header. */
function fileOf(header: unknown, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

async function readAll(bytes: Bytes): Promise<Map<string, Expected>> {
  const content = new Map<string, Expected>();
  const { tensors } = await readSafetensors(bytes);
  for (const [name, tensor] of tensors) content.set(name, await contentOf(tensor));
  return content;
}

describeWithPython('tensors that safetensors saved', () => {
  let folder = '';
  beforeAll(() => {
    folder = makeFolder({});
    python?.run([ARRAYS_PY, 'write', folder]);
  });
  afterAll(removeFolders);

  test('hold what they held there, and lie in the file', async () => {
    const { safetensors } = readJson(path.join(folder, 'manifest.json')) as {
      safetensors: Record<string, Expected>;
    };
    await using bytes = await FileBytes.open(path.join(folder, 'all.safetensors'));
    const { tensors, metadata } = await readSafetensors(bytes);
    expect(metadata).toEqual({ written: 'there' });
    expect(tensors.size).toBeGreaterThan(90);
    for (const [name, expected] of Object.entries(safetensors)) {
      const tensor = tensors.get(name);
      if (tensor === undefined) throw new Error(`${name} is not there`);
      expect([name, await contentOf(tensor)]).toEqual([name, canonical(expected)]);
      const begin = tensor.plainOffset ?? -1;
      const there = readFileSync(bytes.name).subarray(begin, begin + tensor.byteLength);
      expect(Buffer.from(await tensor.bytes())).toEqual(there);
    }
  });
});

test('bfloat16 is read as the upper half of float32', async () => {
  const entry = { dtype: 'BF16', shape: [5], data_offsets: [0, 10] };
  const words = Uint16Array.of(0x3f80, 0xc049, 0x7f80, 0x0001, 0x8000);
  const { tensors } = await readSafetensors(
    memory(fileOf({ x: entry }, Buffer.from(words.buffer))),
  );
  const values = await tensors.get('x')?.float64();
  expect([...(values ?? [])]).toEqual([1, -3.140625, Infinity, 2 ** -133, -0]);
});

const entry = { dtype: 'F32', shape: [2], data_offsets: [0, 8] };
test.each<[string, Buffer, RegExp]>([
  ['nothing', Buffer.alloc(0), /found 0 bytes, expected a header/],
  ['another file', Buffer.from('id,label\n1,2\n'), /header claims \d+ bytes, the file has 13/],
  ['no JSON', fileOf('{"x":'), /its header is not JSON/],
  ['no object', fileOf([1]), /its header is not an object/],
  ['metadata of numbers', fileOf({ __metadata__: { a: 1 } }), /its metadata is not text/],
  ['a header that nests', fileOf('['.repeat(99)), /its header is nested/],
  [
    'a type of 8 bits',
    fileOf({ x: { ...entry, dtype: 'F8_E4M3' } }),
    /'x' has dtype F8_E4M3, expected/,
  ],
  [
    'a type that is a method',
    fileOf({ x: { ...entry, dtype: 'toString' } }),
    /'x' has dtype toString/,
  ],
  ['a negative shape', fileOf({ x: { ...entry, shape: [-2] } }), /'x' has no valid shape/],
  ['a shape of halves', fileOf({ x: { ...entry, shape: [0.5] } }), /'x' has no valid shape/],
  [
    'a shape that overflows',
    fileOf({ x: { ...entry, shape: [2 ** 40, 2 ** 40] } }),
    /'x' has offsets that are not its/,
  ],
  [
    'axes without elements',
    fileOf({ x: { ...entry, shape: [0, 2 ** 50], data_offsets: [0, 0] } }),
    /has no elements/,
  ],
  ['data beyond the file', fileOf({ x: entry }, Buffer.alloc(4)), /'x' ends at byte 8 of the data/],
  ['a gap', fileOf({ x: { ...entry, data_offsets: [4, 12] } }), /'x' begins at byte 4, expected 0/],
  [
    'tensors that overlap',
    fileOf({ x: entry, y: { ...entry, data_offsets: [4, 12] } }, Buffer.alloc(12)),
    /'y' begins at byte 4, expected 8/,
  ],
  [
    'a name twice',
    fileOf(
      `{"x":${JSON.stringify(entry)},"x":${JSON.stringify({ ...entry, data_offsets: [8, 16] })}}`,
      Buffer.alloc(16),
    ),
    /'x' begins at byte 8, expected 0/,
  ],
  [
    'bytes behind the last',
    fileOf({ x: entry }, Buffer.alloc(11)),
    /3 bytes follow the last tensor/,
  ],
])('%s is refused', async (_, bytes, message) => {
  const error = await errorOf(() => readAll(memory(bytes)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(/^damaged: /);
  expect(error.message).toMatch(message);
});

test('awkward names are names, brackets in them no nesting', async () => {
  const names = ['constructor', '[[[[[[[[[[{{"\\"]', '日本'];
  const tensors = names.map((name, i) => [name, { ...entry, data_offsets: [8 * i, 8 * i + 8] }]);
  const content = await readAll(memory(fileOf(Object.fromEntries(tensors), Buffer.alloc(24))));
  expect([...content.keys()]).toEqual(names);
});

test('damaged files never crash or hang', async () => {
  const tensors = { x: entry, y: { dtype: 'I64', shape: [1, 1], data_offsets: [8, 16] } };
  const { refused, wrong } = await fuzz(
    fileOf(tensors, Buffer.alloc(16, 1)),
    MUTATIONS,
    (damaged) => readAll(memory(damaged)),
  );
  expect(wrong).toEqual([]);
  expect(refused).toBeGreaterThan(0);
});
