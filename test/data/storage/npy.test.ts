import { readFileSync } from 'node:fs';
import * as path from 'node:path';

import { FileBytes, type Bytes } from '../../../lib/data/storage/bytes';
import { npyHeader, readNpy } from '../../../lib/data/storage/npy';
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
function fileOf(header: string, data: Uint8Array = Buffer.alloc(0), version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  const magic = Buffer.from('\x93NUMPY', 'latin1');
  return Buffer.concat([magic, Buffer.of(version, 0), length, Buffer.from(header, 'latin1'), data]);
}

function header(descr: string, shape: string, order = 'False'): string {
  return `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
}

describeWithPython('arrays that NumPy saved', () => {
  let folder = '';
  beforeAll(() => {
    folder = makeFolder({});
    python?.run([ARRAYS_PY, 'write', folder]);
  });
  afterAll(removeFolders);

  test('hold what they held there: all types, shapes, orders and versions', async () => {
    const manifest = readJson(path.join(folder, 'manifest.json')) as Record<string, Expected>;
    const files = Object.entries(manifest).filter(([name]) => name.endsWith('.npy'));
    expect(files.length).toBeGreaterThan(300);
    for (const [name, expected] of files) {
      await using bytes = await FileBytes.open(path.join(folder, name));
      expect([name, await contentOf(await readNpy(bytes))]).toEqual([name, canonical(expected)]);
    }
  });

  test.each([
    ['objects', /type '\|O': Python objects, which NumPy stores as a pickle/],
    ['structured', /a structured type; save each of its fields/],
    ['complex', /type '<c8': complex numbers/],
    ['dates', /type '<M8\[s\]': dates; save them as strings/],
    ['raw', /type '\|V2': raw bytes, as bfloat16 is saved; save x\.astype\(numpy\.float32\)/],
    ['long', /type '<f16': floats of a width that is not portable/],
  ])('of %s are refused with advice', async (name, message) => {
    const file = path.join(folder, `${name}.npy`);
    await using bytes = await FileBytes.open(file);
    const error = await errorOf(() => readNpy(bytes));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toContain(file);
    expect(error.message).toMatch(message);
  });

  test('never crash or hang when they are damaged', async () => {
    for (const name of ['17.npy', '385.npy', '387.npy']) {
      const bytes = readFileSync(path.join(folder, name));
      const { refused, wrong } = await fuzz(bytes, Math.ceil(MUTATIONS / 3), async (damaged) =>
        contentOf(await readNpy(memory(damaged))),
      );
      expect(wrong).toEqual([]);
      expect(refused).toBeGreaterThan(0);
    }
  });
});

test.each([
  ['long integers of Python 2', header("'<f4'", '(2L, 1L)'), [2, 1]],
  ['keys in another order', "{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}", [2]],
  ['double quotes', '{"descr": "<f4", "fortran_order": False, "shape": (2,)}', [2]],
  ['parentheses within', header("'<f4'", '((2), (1))'), [2, 1]],
])('a header with %s is read', async (_, text, shape) => {
  const array = await readNpy(memory(fileOf(text, Buffer.alloc(8))));
  expect(array.shape).toEqual(shape);
});

test('a header is not evaluated', async () => {
  const text = header("'<f4'", '__import__("os").getpid()');
  expect((await errorOf(() => readNpy(memory(fileOf(text))))).message).toMatch(
    /character \d+: found "__import__.*expected a value/,
  );
});

const valid = header("'<f4'", '(2,)');
test.each<[string, Buffer, RegExp]>([
  ['nothing', Buffer.alloc(0), /does not begin with/],
  ['another file', Buffer.from('id,label\n1,2\n'), /does not begin with '\\x93NUMPY'/],
  ['a later version', fileOf(valid, Buffer.alloc(8), 4), /found version 4, expected 1, 2 or 3/],
  ['a cut prefix', fileOf(valid).subarray(0, 9), /ends within its header \(truncated\?\)/],
  ['a cut header', fileOf(valid).subarray(0, 40), /ends within its header \(truncated\?\)/],
  ['a header of 4 GB', fileOf(valid, Buffer.alloc(8), 2).fill(0xff, 8, 12), /header of 4294967295/],
  ['cut data', fileOf(valid, Buffer.alloc(7)), /says \[2\] and 76 bytes, found 75 \(truncated\?\)/],
  ['bytes behind the data', fileOf(valid, Buffer.alloc(9)), /and 76 bytes, found 77$/],
  ['a shape beyond the file', fileOf(header("'<f4'", `(${String(2 ** 40)},)`)), /truncated/],
  [
    'a shape that overflows',
    fileOf(header("'<f8'", `(${String(2 ** 40)}, ${String(2 ** 40)})`)),
    /truncated/,
  ],
  ['texts that overflow', fileOf(header("'<U9'", `(${'9007199254740991, '.repeat(40)})`)), /trunc/],
  ['a negative shape', fileOf(header("'<f4'", '(-2,)')), /no valid shape/],
  ['a shape of floats', fileOf(header("'<f4'", '(2.5,)')), /expected a value/],
  ['a shape of truth', fileOf(header("'<f4'", '(True,)')), /no valid shape/],
  ['a shape that is a number', fileOf(header("'<f4'", '2')), /no valid shape/],
  ['a number beyond all', fileOf(header("'<f4'", `(${'9'.repeat(400)},)`)), /no valid shape/],
  ['too many axes', fileOf(header("'<f4'", `(${'1,'.repeat(65)})`)), /no valid shape/],
  ['axes without elements', fileOf(header("'<f4'", `(0, ${String(2 ** 50)})`)), /no elements/],
  ['no shape', fileOf("{'descr': '<f4', 'fortran_order': False}"), /no valid shape/],
  ['no order', fileOf("{'descr': '<f4', 'shape': (2,)}"), /no fortran_order/],
  ['no type', fileOf(header('None', '(2,)')), /no descr/],
  ['a key twice', fileOf("{'shape': (2,), 'shape': (3,)}"), /expected 'shape' only once/],
  ['an unknown key', fileOf("{'descr':'<f4','fortran_order':False,'shape':(),'x':1}"), /key 'x'/],
  ['no dict', fileOf('(1, 2)'), /not a dict/],
  ['text behind the dict', fileOf(`${valid}; import os`), /expected the end/],
  ['an unclosed dict', fileOf("{'descr': '<f4'"), /found the end, expected ',' or '}'/],
  ['deep nesting', fileOf('('.repeat(60000)), /expected less nesting/],
  ['an order that is none', fileOf(header("'=f4'", '(2,)')), /found type '=f4', expected/],
  ['numbers of no order', fileOf(header("'|f4'", '(2,)')), /found type '\|f4', expected/],
  ['texts of no width', fileOf(header("'<U0'", `(${String(2 ** 20)},)`)), /0 bytes each/],
  ['a text of 2 GB', fileOf(header("'|S2000000000'", '(0,)')), /2000000000 bytes each/],
  ['texts in columns', fileOf(header("'|S1'", '(2, 2)', 'True'), Buffer.alloc(4)), /Fortran order/],
  [
    'bytes that are no text',
    fileOf(header("'|S1'", '(1,)'), Buffer.of(0xff)),
    /text 0 is not UTF-8/,
  ],
  [
    'code points that are none',
    fileOf(header("'<U1'", '(2,)'), Buffer.of(65, 0, 0, 0, 0, 0, 0x11, 0)),
    /text 1 is not made of Unicode/,
  ],
])('%s is refused', async (_, content, message) => {
  const error = await errorOf(() => readNpy(memory(content)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toMatch(/^damaged: /);
  expect(error.message).toMatch(message);
});

test('every cut of a file is refused', async () => {
  const bytes = fileOf(valid, Buffer.alloc(8));
  for (let length = 0; length < bytes.length; length += 1) {
    const error = await errorOf(() => readNpy(memory(bytes.subarray(0, length))));
    expect(error.message).toMatch(/^damaged/);
  }
});

test('numbers are not read before they are asked for', async () => {
  const size = 2 ** 40;
  const content = fileOf(header("'|u1'", `(${String(size)},)`));
  let read = 0;
  const bytes: Bytes = {
    name: 'huge',
    size: content.length + size,
    readInto(target, position) {
      read += target.length;
      content.copy(target, 0, position);
      return Promise.resolve();
    },
  };
  expect((await readNpy(bytes)).shape).toEqual([size]);
  expect(read).toBeLessThan(1000);
});

test('headers are written as NumPy writes them, and aligned', () => {
  const bytes = npyHeader('<f4', [3, 4]);
  expect(bytes.toString('latin1')).toBe(
    `\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.padEnd(
      127,
    ) + '\n',
  );
  expect(npyHeader('<f4', [5]).toString()).toContain("'shape': (5,), }");
  expect(npyHeader('<f4', []).toString()).toContain("'shape': (), }");
});
