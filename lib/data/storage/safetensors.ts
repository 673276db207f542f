import { CmirError } from '../../errors';
import { ELEMENT_BYTES, elementsOf, StoredArray, type ElementType } from './array';
import { readBytes, type Bytes } from './bytes';

/** What a safetensors file holds: tensors where they lie, and metadata of strings. */
export interface TensorTable {
  readonly tensors: ReadonlyMap<string, StoredArray>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** One tensor of a header: its bytes are `[begin, end)` of what follows the header. */
export interface TensorEntry {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A header that has been checked. */
export interface TensorHeader {
  /** In the order of their bytes, which they fill without a gap. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's names of the types that this package reads. */
export const SAFETENSORS_TYPES: Readonly<Record<string, ElementType>> = {
  BOOL: 'bool',
  U8: 'uint8',
  I8: 'int8',
  I16: 'int16',
  U16: 'uint16',
  I32: 'int32',
  U32: 'uint32',
  I64: 'int64',
  U64: 'uint64',
  F16: 'float16',
  BF16: 'bfloat16',
  F32: 'float32',
  F64: 'float64',
};

/** The format's own limit on the header, which keeps a damaged length from asking for all memory. */
export const LARGEST_HEADER = 100_000_000;
/** Bytes before the header: its length. */
export const LENGTH_BYTES = 8;

/**
 * Reads the header of a safetensors file (https://github.com/huggingface/safetensors#format); the tensors stay in
 * the file. Throws ERR_CMIR_DATA, naming it, for anything that is not one.
 */
export async function readSafetensors(bytes: Bytes): Promise<TensorTable> {
  const fail = (problem: string): never => {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${bytes.name}: not a readable safetensors file: ${problem}`,
    );
  };
  if (bytes.size < LENGTH_BYTES) fail(`found ${String(bytes.size)} bytes, expected a header`);
  const length = headerLength(await readBytes(bytes, 0, LENGTH_BYTES), bytes.size, fail);
  const text = (await readBytes(bytes, LENGTH_BYTES, length)).toString('utf8');
  const start = LENGTH_BYTES + length;
  const { entries, metadata } = parseHeader(text, bytes.size - start, fail);
  const tensors = new Map(
    entries.map(({ name, type, shape, begin }) => [
      name,
      new StoredArray({ type, shape }, bytes, start + begin),
    ]),
  );
  return { tensors, metadata };
}

/** The header's length, from the file's first bytes. */
export function headerLength(
  first: Uint8Array,
  fileSize: number,
  fail: (problem: string) => never,
): number {
  const length = Number(new DataView(first.buffer, first.byteOffset).getBigUint64(0, true));
  if (length > LARGEST_HEADER || LENGTH_BYTES + length > fileSize) {
    fail(
      `its header claims ${String(length)} bytes, the file has ${String(fileSize)} (truncated?)`,
    );
  }
  return length;
}

/** Checks a header against the number of bytes that follow it. `fail` throws what names the file. */
export function parseHeader(
  text: string,
  available: number,
  fail: (problem: string) => never,
): TensorHeader {
  const header = parseObject(text, fail);
  const metadata = header['__metadata__'] ?? {};
  if (!isTexts(metadata)) return fail('its metadata is not text');
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => checkEntry(name, entry, fail))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) {
      fail(`tensor '${entry.name}' begins at byte ${String(entry.begin)}, expected ${String(end)}`);
    }
    end = entry.end;
    if (end > available) {
      fail(
        `tensor '${entry.name}' ends at byte ${String(end)} of the data, the file has ${String(available)} (truncated?)`,
      );
    }
  }
  if (end !== available) fail(`${String(available - end)} bytes follow the last tensor`);
  return { entries, metadata };
}

/** Brackets within brackets: a header needs three. */
const DEEPEST = 8;

/** Whether JSON nests deeper than any header, which would cost the parser gigabytes. */
function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length && depth <= DEEPEST; i += 1) {
    const character = text.charAt(i);
    if (inString && character === '\\') i += 1;
    else if (character === '"') inString = !inString;
    else if (inString) continue;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
  }
  return depth > DEEPEST;
}

function parseObject(text: string, fail: (problem: string) => never): Record<string, unknown> {
  if (isDeep(text)) fail('its header is nested');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    fail('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    return fail('its header is not an object');
  }
  return header as Record<string, unknown>;
}

function isTexts(value: unknown): value is Record<string, string> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((text) => typeof text === 'string')
  );
}

function checkEntry(name: string, value: unknown, fail: (problem: string) => never): TensorEntry {
  const { dtype, shape, data_offsets: offsets } = Object(value) as Record<string, unknown>;
  const type = Object.hasOwn(SAFETENSORS_TYPES, String(dtype))
    ? SAFETENSORS_TYPES[String(dtype)]
    : undefined;
  if (type === undefined) {
    const known = Object.keys(SAFETENSORS_TYPES).join(', ');
    return fail(`tensor '${name}' has dtype ${String(dtype)}, expected one of ${known}`);
  }
  const isLength = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isLength)) {
    return fail(`tensor '${name}' has no valid shape`);
  }
  const size = elementsOf(shape) * ELEMENT_BYTES[type];
  const [begin, end, ...rest] = Array.isArray(offsets) ? (offsets as unknown[]) : [];
  if (!isLength(begin) || !isLength(end) || rest.length > 0 || end - begin !== size) {
    return fail(`tensor '${name}' has offsets that are not its ${String(size)} bytes`);
  }
  return { name, type, shape, begin, end };
}
