import { open } from 'node:fs/promises';
import * as path from 'node:path';

import {
  PickleArray,
  PickleDict,
  PickleTuple,
  readPickle,
  StoredText,
  type PickleValue,
} from '../../../lib/data/pickle';
import { StoredArray } from '../../../lib/data/storage/array';
import { FileBytes } from '../../../lib/data/storage/bytes';
import { errorOf, makeFolder, removeFolders } from '../fixture';
import { memory } from '../storage/fixture';
import { arrayOf, dtypeOf, jsonOf, latin1, listBomb, readFrom, u32, u64 } from './fixture';

const NEW = '\x80\x05';
const MINUS = 'J\xff\xff\xff\xff';
/** Two float32: 1 and -2. */
const PAIR = '\0\0\x80\x3f\0\0\0\xc0';

async function numbersOf(value: PickleValue): Promise<unknown> {
  const { content } = value as PickleArray;
  if (content?.kind !== 'numbers') throw new Error('expected numbers');
  return [content.type, content.shape, [...(await content.float64())]];
}

async function problemOf(...parts: readonly string[]): Promise<string> {
  const error = await errorOf(() => readFrom(...parts));
  expect(error.code).toBe('ERR_CMIR_DATA');
  return error.message;
}

afterAll(removeFolders);

describe('Python 2', () => {
  test('protocol 2: texts and arrays are strings', async () => {
    const value = await readFrom(
      '\x80\x02}q\x01(U\x05labelq\x02',
      'cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\0\x85U\x01b\x87Rq\x05',
      '(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x06U\x02f4K\0K\x01\x87Rq\x07',
      `(K\x03U\x01<NNN${MINUS}${MINUS}K\0tb\x89U\x08${PAIR}tb`,
      'U\x04textq\x08U\x04caf\xe9q\x09u.',
    );
    const dict = value as PickleDict;
    expect(dict.get('text')).toBe('café');
    expect(await numbersOf(dict.get('label') as PickleValue)).toEqual(['float32', [1, 2], [1, -2]]);
  });

  test('protocol 2: long strings stay where they are, as text or as data', async () => {
    const bytes = memory(
      latin1(
        '\x80\x02]q\x01(',
        `T${u32(300)}${'\xe9'.repeat(300)}`,
        'cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R',
        `(K\x01M\x90\x01\x85cnumpy\ndtype\nU\x02i1K\0K\x01\x87R(K\x03U\x01|NNN${MINUS}${MINUS}K\0tb`,
        `\x89T${u32(400)}${'\x07'.repeat(400)}tbe.`,
      ),
    );
    const [text, array] = (await readPickle(bytes)) as [StoredText, PickleArray];
    expect(await text.text()).toBe('é'.repeat(300));
    expect(await numbersOf(array)).toEqual(['int8', [400], new Array(400).fill(7)]);
  });

  test('protocol 0: data are string literals', async () => {
    const value = await readFrom(
      'cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\np2\n(I0\ntp3\n',
      "S'b'\np4\ntp5\nRp6\n(I1\n(I2\ntp7\ncnumpy\ndtype\np8\n(S'f4'\np9\nI0\nI1\ntp10\nRp11\n",
      "(I3\nS'<'\np12\nNNNI-1\nI-1\nI0\ntp13\nbI00\n",
      "S'\\x00\\x00\\x80?\\x00\\x00\\x00\\xc0'\np14\ntp15\nb.",
    );
    expect(await numbersOf(value)).toEqual(['float32', [2], [1, -2]]);
  });

  test.each([
    ["S'it\\'s \\\\ \\n\\t\\x41\\101'\n.", "it's \\ \n\tAA"],
    ['S"it\'s"\n.', "it's"],
    ['V\\u00e9\\U0001f600 caf\xe9\n.', 'é😀 café'],
    ['I42\n.', 42],
    ['I01\n.', true],
    ['L-12345678901234567890L\n.', { integer: '-12345678901234567890' }],
    ['F-1.5e3\n.', -1500],
    ['(lp1\nI1\naI2\na.', [1, 2]],
    ['(I1\nI2\nl.', [1, 2]],
    ["(S'a'\nI1\nd.", { dict: [['a', 1]] }],
  ])('%j', async (pickle, expected) => {
    expect(await jsonOf(await readFrom(pickle))).toEqual(expected);
  });

  test('an OrderedDict is made of pairs', async () => {
    const dict = await readFrom('ccollections\nOrderedDict\n((l(I1\nI2\nla(I3\nI4\nlatR.');
    expect(await jsonOf(dict)).toEqual({
      dict: [
        [1, 2],
        [3, 4],
      ],
    });
  });
});

describe('names', () => {
  test.each([
    [
      'cos\nsystem\n(S"echo"\ntR.',
      /^damaged, byte 0: found os\.system, but cmir never runs code from a pickle/,
    ],
    [
      `${NEW}]\x8c\x08builtins\x8c\x04eval\x93.`,
      /^damaged, byte 19: found builtins\.eval, but cmir never runs/,
    ],
    ['c__builtin__\ngetattr\n.', /found __builtin__\.getattr, but cmir never/],
    ['ccopy_reg\n_reconstructor\n.', /found copy_reg\._reconstructor, but/],
    ['cnumpy\nload\n.', /found numpy\.load, but/],
    ['cnumpy.core.multiarray\nfromfile\n.', /found numpy\.core\.multiarray\.fromfile, but/],
    [
      'ctorch._utils\n_rebuild_tensor_v2\n.',
      /found torch\._utils\._rebuild_tensor_v2, .*tensor\.numpy\(\)/,
    ],
    ['cjoblib.numpy_pickle\nNumpyArrayWrapper\n.', /found joblib.*joblib\.load\(path\)/],
    ['cpandas.core.frame\nDataFrame\n.', /pandas.*to_numpy/],
    ['(icollections\nOrderedDict\n.', /found collections\.OrderedDict, but/],
    [`c${'a'.repeat(500)}\nb\n.`, /found a{79}…\.b, but/],
    ['ca\x1b[31m\nb\n.', /found a\?\[31m\.b/],
  ])('%j is refused', async (pickle, message) => {
    expect(await problemOf(pickle)).toMatch(message);
  });

  test.each([
    ['calls of what is only named', 'cbuiltins\nint\n(tR.', /found a call of builtins\.int/],
    ['calls of what is no name', 'I1\n(tR.', /found 1 called, expected a known name/],
    ['an object of a class', 'cbuiltins\nint\n)\x81.', /found an object of a class/],
    ['a factory that is no type', 'ccollections\ndefaultdict\ncnumpy\nload\n\x85R.', /numpy\.load/],
    [
      'another known name as a factory',
      'ccollections\ndefaultdict\ncnumpy\nndarray\n\x85R.',
      /defaultdict called with a tuple/,
    ],
    [
      'persistent ids',
      'Pstorage\n.',
      /found a reference to what is outside of the pickle, expected no torch tensors/,
    ],
    ['buffers elsewhere', `${NEW}\x97.`, /found a buffer outside of the pickle/],
    ['the extension registry', '\x82\x01.', /found a name of the extension registry/],
    ['a name of numbers', 'K\x01K\x02\x93.', /found a name that is no text/],
    ['a state for a list', ']Nb.', /found a list of 0 given a state/],
  ])('%s', async (_, pickle, message) => {
    expect(await problemOf(pickle)).toMatch(message);
  });
});

describe('other files', () => {
  test.each([
    [
      'PK\x03\x04',
      /found a zip archive, as torch\.save writes, expected a pickle; .*tensor\.numpy/,
    ],
    ['\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02', /found a file of torch\.save/],
    ['\x78\x9c\x01', /found zlib data, as joblib\.dump writes.*joblib\.load/],
    ['\x1f\x8b\x08', /found gzip data/],
    ['\x89HDF\r\n', /found an HDF5 file/],
  ])('%j', async (head, message) => {
    expect(await problemOf(head)).toMatch(message);
  });
});

describe('damaged and hostile pickles', () => {
  test.each([
    ['nothing', '', /byte 0: expected 1 more bytes, but they end at 0/],
    ['no end', `${NEW}N`, /byte 3: expected 1 more bytes, but they end at 3 \(truncated\?\)/],
    ['bytes behind the end', `${NEW}N.N.`, /found 2 more bytes behind the end/],
    ['an empty stack at the end', '.', /found 0 values at the end, expected 1/],
    ['two values at the end', 'NN.', /found 2 values at the end/],
    ['a mark at the end', 'N(.', /found 1 values at the end/],
    ['an unknown opcode', '\xff.', /found byte 0xff, expected an opcode/],
    ['a protocol to come', '\x80\x06N.', /found pickle protocol 6, expected at most 5/],
    ['a frame beyond the end', `${NEW}\x95${u64(100)}N.`, /found a frame of 100 bytes/],
    ['a value that is not there', 'a.', /expected a value on the stack/],
    ['a value below a mark', 'N(\x85.', /expected a value on the stack/],
    ['a mark that is not there', 'Nt.', /expected a mark on the stack/],
    ['a memo key that is not there', 'h\x07.', /found nothing under memo key 7/],
    ['a memo key out of all proportion', `Nr${u32(4e9)}.`, /found memo key 4000000000/],
    ['a key without a value', '}(NNNu.', /found a key without a value/],
    ['entries for a list', ']NNs.', /found a list of 0 given entries, expected a dict/],
    ['an item for a dict', '}Na.', /found an empty dict appended to, expected a list/],
    ['an item for a frozen set', '(\x91(N\x90.', /found a set of 0 added to, expected a set/],
    ['a list as a key', '}]Ns.', /found a list of 0 as a key/],
    ['bytes beyond the end', `\x8e${u64(2 ** 50)}.`, /expected 1125899906842624 more bytes/],
    ['text beyond the end', `X${u32(2 ** 31)}.`, /expected 2147483648 more bytes/],
    ['text of negative length', 'T\xff\xff\xff\xff.', /found a string of -1 bytes/],
    ['text that is not UTF-8', 'X\x01\0\0\0\xff.', /found a text that is not UTF-8/],
    ['a text without quotes', 'Sabc\n.', /found a string without quotes/],
    ['a broken escape', "S'\\x4'\n.", /found text that is not string-escape/],
    ['a huge code point', 'V\\Uffffffff\n.', /found text that is not raw-unicode-escape/],
    ['an integer of many bytes', `\x8b${u32(100_000)}.`, /found an integer of 100000 bytes/],
    ['an integer of words', 'Iabc\n.', /found a line that is no integer/],
    ['a number of words', 'Fabc\n.', /found a line that is no number/],
    ['a key of words', 'gabc\n.', /found a memo key that is no number/],
    ['a line without an end', `I${'1'.repeat(40_000)}`, /expected a line of text/],
  ])('%s', async (_, pickle, message) => {
    expect(await problemOf(pickle)).toMatch(message);
  });

  test.each([
    [
      'too few bytes',
      arrayOf('f4', 'K\x03\x85', `C\x08${PAIR}`),
      /found 8 bytes of content, expected 12/,
    ],
    [
      'a shape of infinity',
      arrayOf('f4', `\x8a\x08${u64(2 ** 40)}\x8a\x08${u64(2 ** 40)}\x86`, 'C\0'),
      /found shape a tuple of 2 \(1099511627776/,
    ],
    [
      'a shape of nothing, at length',
      arrayOf('f4', `\x8a\x08${u64(2 ** 40)}K\0\x86`, 'C\0'),
      /which has no elements/,
    ],
    ['a negative shape', arrayOf('f4', `${MINUS}\x85`, 'C\0'), /found shape a tuple of 1 \(-1\)/],
    ['a shape of words', arrayOf('f4', 'X\x01\0\0\0a\x85', 'C\0'), /found shape/],
    ['no content', arrayOf('f4', 'K\x02\x85', 'N'), /found None, expected bytes/],
    [
      'objects in bytes',
      arrayOf('O8', 'K\x01\x85', `C\x08${PAIR}`),
      /expected a list of 1 objects/,
    ],
    ['too few objects', arrayOf('O8', 'K\x02\x85', ']Na'), /expected a list of 2 objects/],
    [
      'complex numbers',
      dtypeOf('c16'),
      /found numpy dtype 'c16', expected bool, integers, float16/,
    ],
    ['dates', dtypeOf('M8'), /found numpy dtype 'M8'/],
    ['a byte order of its own', dtypeOf('f4', '?'), /found byte order '\?'/],
    [
      'fields',
      'cnumpy\ndtype\nX\x02\0\0\0f4\x85R(K\x03X\x01\0\0\0<N(tNNNNtb',
      /found a numpy dtype of several fields/,
    ],
    [
      'content twice',
      `${arrayOf('f4', 'K\x02\x85', `C\x08${PAIR}`)}(tb`,
      /found float32 \[2\] given a state/,
    ],
    [
      'text beyond latin-1 as data',
      arrayOf('f4', 'K\x01\x85', 'X\x04\0\0\0ab\xc4\x80'),
      /found a character beyond U\+00ff/,
    ],
    [
      'a scalar of the wrong size',
      `cnumpy.core.multiarray\nscalar\n${dtypeOf('f4')}C\x01a\x86R`,
      /found 1 bytes of content, expected 4/,
    ],
  ])('arrays: %s', async (_, pickle, message) => {
    expect(await problemOf(`${pickle}.`)).toMatch(message);
  });

  test('a long text that is damaged is refused when it is read', async () => {
    const [text] = (await readFrom(`${NEW}]X${u32(20_000)}${'\xff'.repeat(20_000)}a.`)) as [
      StoredText,
    ];
    const error = await errorOf(() => text.text());
    expect(error.message).toMatch(/^damaged, byte 8: found a text that is not UTF-8/);
  });

  test('lists that hold one another are built as they are written', async () => {
    let list = (await readFrom(listBomb(), '.')) as PickleValue[];
    let levels = 1;
    for (; list.length > 1; levels += 1) {
      expect(list).toHaveLength(1000);
      expect(list[0]).toBe(list[999]);
      list = list[0] as PickleValue[];
    }
    expect(levels).toBe(11);
  });

  test('a million levels deep', async () => {
    const depth = 1_000_000;
    let value = await readFrom(']'.repeat(depth), 'a'.repeat(depth - 1), '.');
    let found = 1;
    while (Array.isArray(value) && value.length === 1) {
      value = value[0] as PickleValue;
      found += 1;
    }
    expect(found).toBe(depth);
    let tuples = await readFrom('N', '\x85'.repeat(depth), '.');
    for (found = 0; tuples instanceof PickleTuple; found += 1)
      tuples = tuples.items[0] as PickleValue;
    expect(found).toBe(depth);
  });

  test('keys such as __proto__ are only keys', async () => {
    const dict = (await readFrom('}X\x09\0\0\0__proto__}X\x01\0\0\0aK\x01ss.')) as PickleDict;
    expect([...dict].map(([key]) => key)).toEqual(['__proto__']);
    expect((dict as unknown as { a?: unknown }).a).toBeUndefined();
    expect(({} as { a?: unknown }).a).toBeUndefined();
  });

  test('more objects than fit into memory are refused before it is full', async () => {
    const error = await errorOf(() => readPickle(memory(Buffer.alloc(200_000_000, ']'))));
    expect(error.message).toMatch(/found lists, texts and other objects that take over \d+ MB/);
  });

  test('the same data decoded over and over are kept once', async () => {
    // 16 KB of text as the content of each of 20,000 arrays.
    const text = 'a'.repeat(16_000);
    const item = 'h\0h\x01Rh\x02b0';
    const bytes = latin1(
      'cnumpy._core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nK\0\x85C\x01b\x87q\x01',
      `(K\x01M\x80\x3e\x85${dtypeOf('i1')}\x89X${u32(text.length)}${text}tq\x02000`,
      item.repeat(20_000),
      'N.',
    );
    const before = process.memoryUsage().arrayBuffers;
    expect(await readPickle(memory(bytes))).toBeNull();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * 2 ** 20);
  });

  test('entries copied over and over are refused', async () => {
    const pairs = `(l${'(I1\nI2\nla'.repeat(1000)}`;
    const calls = 'h\0h\x01R0'.repeat(1000);
    expect(
      await problemOf('ccollections\nOrderedDict\nq\0', pairs, '\x85q\x0100', calls, 'N.'),
    ).toMatch(/found the same values copied over and over/);
  });
});

/** A file of texts and, for each number, a hole of so many bytes, which take no room on the disk. */
async function writeSparse(...parts: readonly (string | number)[]): Promise<string> {
  const file = path.join(makeFolder({}), 'large.pkl');
  await using handle = await open(file, 'w');
  let at = 0;
  for (const part of parts) {
    if (typeof part === 'string') await handle.write(latin1(part), 0, part.length, at);
    at += typeof part === 'string' ? part.length : part;
  }
  return file;
}

describe('more than 4 GB', () => {
  const length = 2 ** 32 + 8;
  const columns = `\x8a\x08${u64(length / 8)}`;

  test('arrays and bytes are passed over', async () => {
    const shape = `\x8a\x08${u64(length / 4)}\x85`;
    const [before = '', behind = ''] = arrayOf('f4', shape, '<payload>').split('<payload>');
    const file = await writeSparse(
      `${NEW}](${before}\x8e${u64(length)}`,
      length - 8,
      `${PAIR}${behind}\x96${u64(length)}`,
      length,
      'K\x07e.',
    );
    await using bytes = await FileBytes.open(file);
    const [array, , last] = (await readPickle(bytes)) as PickleValue[];
    const content = (array as PickleArray).content as StoredArray;
    expect(content.shape).toEqual([length / 4]);
    expect(await content.float32(content.rows - 3)).toEqual(Float32Array.of(0, 1, -2));
    expect(last).toBe(7);
  });

  test('arrays whose axes are permuted are refused with advice', async () => {
    const head = `${NEW}cnumpy._core.numeric\n_frombuffer\n(\x96${u64(length)}`;
    const order = `${dtypeOf('f4')}K\x01K\x02${columns}\x87X\x01\0\0\0KK\0K\x02K\x01\x87tR.`;
    await using bytes = await FileBytes.open(await writeSparse(head, length, order));
    expect((await errorOf(() => readPickle(bytes))).message).toBe(
      `${bytes.name}, byte ${String(head.length)}: found 4294967304 bytes of an array whose axes are permuted, ` +
        'expected at most 4294967296; in Python: numpy.ascontiguousarray(x)',
    );
  });

  test('arrays written as text are refused with advice', async () => {
    const payload = 'c_codecs\nencode\n(V<payload>\nVlatin1\ntR';
    const array = arrayOf('f4', `K\x02${columns}\x86`, payload);
    const [before = '', behind = ''] = array.split('<payload>');
    await using bytes = await FileBytes.open(await writeSparse(before, length, `${behind}.`));
    expect((await errorOf(() => readPickle(bytes))).message).toBe(
      `${bytes.name}, byte ${String(before.length)}: found data written as 4294967304 bytes of text, ` +
        'expected at most 4294967296; in Python: pickle.dump(data, file, protocol=4)',
    );
  });
});
