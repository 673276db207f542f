import { CmirError, messageOf } from '../../errors';
import { ELEMENT_BYTES, elementsOf, StoredArray, type ElementType, type TextArray } from './array';
import { readBytes, type Bytes } from './bytes';
import { parseLiteral } from './python-literal';
import { newTextBudget, readTexts, type TextBudget, type TextLayout } from './npy-text';

/**
 * NPY, NumPy's format of one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a magic
 * string, the version, the header's length, the header as text of a Python dict, the bytes of the array.
 */
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** Magic string, version and the longest form of the header's length. */
const LONGEST_PREFIX = MAGIC.length + 2 + 4;
/** Only structured types, which are refused, could need longer headers. */
const LARGEST_HEADER = 2 ** 16;
/** NumPy pads headers so that the array begins at a multiple of it. */
const ALIGNMENT = 64;
/** NumPy's own limit. */
const MOST_AXES = 64;

/** NumPy's codes of the types, without byte order. */
const TYPES: ReadonlyMap<string, ElementType> = new Map([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['u1', 'uint8'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i4', 'int32'],
  ['u4', 'uint32'],
  ['i8', 'int64'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

/** What to do with types that are not read, by their code or its letter. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    'O',
    'Python objects, which NumPy stores as a pickle; save an array of numbers or strings instead, ' +
      'or the whole data set as a pickle',
  ],
  ['V', 'raw bytes, as bfloat16 is saved; save x.astype(numpy.float32)'],
  ['c', 'complex numbers; save real and imaginary parts apart'],
  ['M', 'dates; save them as strings'],
  ['m', 'durations; save them as numbers'],
  ['f16', 'floats of a width that is not portable; save x.astype(numpy.float64)'],
]);

export type Fail = (problem: string) => never;

/**
 * Reads the header of an NPY file of version 1, 2 or 3. Numbers stay where they are; texts (types S and U) are read
 * into memory, on the `budget` of all that belong together. Throws ERR_CMIR_DATA, naming the file, for what is none, for arrays of objects and structures, and
 * where the bytes are not as many as the header says.
 */
export async function readNpy(
  bytes: Bytes,
  budget: TextBudget = newTextBudget(),
): Promise<StoredArray | TextArray> {
  const fail: Fail = (problem) => {
    throw new CmirError('ERR_CMIR_DATA', `${bytes.name}: not a readable NPY array: ${problem}`);
  };
  const { text, end } = await readHeader(bytes, fail);
  const { shape, columnMajor, ...type } = parseHeader(text, fail);
  const width = 'kind' in type ? type.width : ELEMENT_BYTES[type.type];
  const expected = end + elementsOf(shape) * width;
  if (expected !== bytes.size) {
    fail(
      `its header says [${shape.join(', ')}] and ${String(expected)} bytes, ` +
        `found ${String(bytes.size)}${bytes.size < expected ? ' (truncated?)' : ''}`,
    );
  }
  if ('kind' in type) return readTexts({ ...type, shape, columnMajor }, bytes, end, budget, fail);
  return new StoredArray({ ...type, shape, columnMajor }, bytes, end);
}

/** The header's text, and the byte where it ends. */
async function readHeader(bytes: Bytes, fail: Fail): Promise<{ text: string; end: number }> {
  const prefix = await readBytes(bytes, 0, Math.min(LONGEST_PREFIX, bytes.size));
  if (!prefix.subarray(0, MAGIC.length).equals(MAGIC)) fail("it does not begin with '\\x93NUMPY'");
  const version = prefix[MAGIC.length] ?? 0;
  if (version < 1 || version > 3) fail(`found version ${String(version)}, expected 1, 2 or 3`);
  const start = version === 1 ? LONGEST_PREFIX - 2 : LONGEST_PREFIX;
  if (prefix.length < start) fail('it ends within its header (truncated?)');
  const length =
    version === 1 ? prefix.readUInt16LE(MAGIC.length + 2) : prefix.readUInt32LE(MAGIC.length + 2);
  if (length > LARGEST_HEADER) fail(`found a header of ${String(length)} bytes, expected few`);
  if (start + length > bytes.size) fail('it ends within its header (truncated?)');
  const header = await readBytes(bytes, start, length);
  return { text: header.toString(version === 3 ? 'utf8' : 'latin1'), end: start + length };
}

interface NumberType {
  readonly type: ElementType;
  readonly bigEndian: boolean;
}

type Header = (NumberType | TextLayout) & {
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
};

function parseHeader(text: string, fail: Fail): Header {
  const { descr, fortran_order: columnMajor, shape, ...rest } = parseDict(text, fail);
  if (typeof columnMajor !== 'boolean') return fail('its header has no fortran_order');
  const isLength = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || shape.length > MOST_AXES || !shape.every(isLength)) {
    return fail('its header has no valid shape');
  }
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) fail(`its header has an unknown key '${unknown}'`);
  if (Array.isArray(descr)) {
    fail('it holds a structured type; save each of its fields as an array of its own');
  }
  if (typeof descr !== 'string') return fail('its header has no descr');
  return { ...parseType(descr, fail), shape, columnMajor };
}

function parseDict(text: string, fail: Fail): Record<string, unknown> {
  try {
    const header = parseLiteral(text);
    if (header instanceof Map) return Object.fromEntries(header);
  } catch (error) {
    return fail(`its header at ${messageOf(error)}`);
  }
  return fail('its header is not a dict');
}

function parseType(descr: string, fail: Fail): NumberType | TextLayout {
  const [, order = '', kind = '', digits = ''] = /^([<>|=]?)([a-zA-Z?])(\d*)/.exec(descr) ?? [];
  const bigEndian = order === '>';
  const width = Number(digits);
  if (descr === `${order}${kind}${digits}`) {
    if (kind === 'S' || kind === 'a') return { kind: 'S', width, bigEndian };
    if (kind === 'U') return { kind, width: 4 * width, bigEndian };
    const type = TYPES.get(kind + digits);
    if (type !== undefined && (order === '<' || bigEndian || width === 1)) {
      return { type, bigEndian };
    }
  }
  const advice = ADVICE.get(kind + digits) ?? ADVICE.get(kind);
  return fail(
    `found type '${descr}'${advice === undefined ? ', expected numbers or strings' : `: ${advice}`}`,
  );
}

/** The bytes before the array in a file of version 1: `descr` as NumPy names types, row-major. */
export function npyHeader(descr: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${String(shape[0])},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const start = LONGEST_PREFIX - 2;
  const size = Math.ceil((start + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(size, ' ');
  MAGIC.copy(header);
  header.writeUInt8(1, MAGIC.length);
  header.writeUInt8(0, MAGIC.length + 1);
  header.writeUInt16LE(size - start, MAGIC.length + 2);
  header.write(text, start, 'latin1');
  header.write('\n', size - 1);
  return header;
}

/** NumPy's name of a type of little-endian numbers. Throws ERR_CMIR_DATA for bfloat16, which NumPy lacks. */
export function npyType(type: ElementType): string {
  for (const [code, name] of TYPES) {
    if (name === type) return `${ELEMENT_BYTES[type] === 1 ? '|' : '<'}${code}`;
  }
  throw new CmirError('ERR_CMIR_DATA', `${type} has no NumPy type; write float32`);
}
