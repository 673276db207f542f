import {
  PickleArray,
  PickleBytes,
  PickleDict,
  PickleDtype,
  PickleSet,
  PickleTuple,
  readPickle,
  StoredText,
  type PickleValue,
} from '../../../lib/data/pickle';
import { MemoryBytes, readBytes } from '../../../lib/data/storage/bytes';
import { newTextBudget } from '../../../lib/data/storage/npy-text';
import { canonical, contentOf, type Expected } from '../storage/fixture';

/** Bytes of text in which every character is one. */
export function latin1(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(''), 'latin1');
}

export function readFrom(...parts: readonly string[]): Promise<PickleValue> {
  return readPickle(new MemoryBytes('damaged', latin1(...parts)));
}

/** A value as JSON, as test/python/pickles.py writes it. */
export async function jsonOf(value: PickleValue): Promise<unknown> {
  const all = async (items: Iterable<PickleValue>): Promise<unknown[]> => {
    const list: unknown[] = [];
    for (const item of items) list.push(await jsonOf(item));
    return list;
  };
  if (typeof value === 'bigint') return { integer: String(value) };
  if (typeof value === 'number' && !Number.isFinite(value)) {
    return { float: String(value).replace('Infinity', 'inf').toLowerCase() };
  }
  if (Array.isArray(value)) return all(value);
  if (value instanceof StoredText) return value.text();
  if (value instanceof PickleTuple) return { tuple: await all(value.items) };
  if (value instanceof PickleSet) return { set: await all(value.items) };
  if (value instanceof PickleDict) {
    const entries: unknown[] = [];
    for (const entry of value) entries.push(await all(entry));
    return { dict: entries };
  }
  if (value instanceof PickleBytes) {
    const content = await readBytes(value.bytes, value.offset, value.length);
    return { bytes: content.toString('hex') };
  }
  if (value instanceof PickleDtype) {
    return { dtype: value.type.kind === 'numbers' ? value.type.type : value.type.kind };
  }
  if (!(value instanceof PickleArray)) return value;
  const { content } = value;
  if (content?.kind === 'objects') return { objects: [content.shape, await all(content.values)] };
  if (content?.kind === 'stored texts') {
    return { array: await contentOf(await content.read(newTextBudget())) };
  }
  return content === null ? 'empty' : { array: await contentOf(content) };
}

/** Brings the arrays in what Python wrote into the form of contentOf. */
export function canonicalJson(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(canonicalJson);
  if (typeof json !== 'object' || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      key === 'array' ? canonical(value as Expected) : canonicalJson(value),
    ]),
  );
}

/** Little-endian integers, as opcodes take them. */
export function u32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes.toString('latin1');
}

export function u64(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.toString('latin1');
}

/** numpy.dtype(code), as opcodes. */
export function dtypeOf(code: string, order = '<'): string {
  return `cnumpy\ndtype\nX${u32(code.length)}${code}\x89\x88\x87R(K\x03X${u32(1)}${order}NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb`;
}

/** A numpy array, as opcodes; `shape` and `payload` are opcodes too. */
export function arrayOf(code: string, shape: string, payload: string, fortran = false): string {
  return (
    'cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R' +
    `(K\x01${shape}${dtypeOf(code)}${fortran ? '\x88' : '\x89'}${payload}tb`
  );
}

/** A list of 1000 times one list of 1000 times ... ten deep: 10^30 numbers, if they were spelled out. */
export function listBomb(): string {
  const key = (level: number): string => String.fromCharCode(level);
  const levels = Array.from(
    { length: 10 },
    (_, level) => `0](${`h${key(level)}`.repeat(1000)}eq${key(level + 1)}`,
  );
  return `](K\x01eq\0${levels.join('')}`;
}
