import { CmirError } from '../errors';
import type { NativeTensor } from '../../binding';

/** The content of a safetensors file: tensors by name, and metadata of strings. */
export interface TensorFile {
  readonly tensors: Readonly<Record<string, NativeTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
}

const DTYPES = { F32: Float32Array, F64: Float64Array } as const;
type Dtype = keyof typeof DTYPES;

/** The format's own limit on the header, which keeps a damaged length from asking for all memory. */
const LARGEST_HEADER = 100_000_000;
const LENGTH_BYTES = 8;

interface Entry {
  dtype: Dtype;
  shape: number[];
  data_offsets: [number, number];
}

/**
 * The bytes of a safetensors file (https://github.com/huggingface/safetensors#format), the same for the same
 * content: names sorted, metadata first, wider types before narrower ones, the header padded to 8 bytes.
 */
export function encodeTensors({ tensors, metadata }: TensorFile): Uint8Array {
  const order = Object.entries(tensors).sort(
    ([a, { data: x }], [b, { data: y }]) =>
      y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const header: Record<string, unknown> = {
    __metadata__: Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
  let end = 0;
  for (const [name, { shape, data }] of order) {
    const begin = end;
    end += data.byteLength;
    // Not instanceof: arrays of another realm, as in jest or vm, have classes of their own.
    const dtype: Dtype = data.BYTES_PER_ELEMENT === 4 ? 'F32' : 'F64';
    header[name] = { dtype, shape, data_offsets: [begin, end] } satisfies Entry;
  }
  const text = Buffer.from(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / LENGTH_BYTES) * LENGTH_BYTES;
  const file = Buffer.alloc(LENGTH_BYTES + headerBytes + end, ' ');
  file.writeBigUInt64LE(BigInt(headerBytes));
  text.copy(file, LENGTH_BYTES);
  let offset = LENGTH_BYTES + headerBytes;
  for (const [, { data }] of order) {
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).copy(file, offset);
    offset += data.byteLength;
  }
  return file;
}

/**
 * Reads a safetensors file of float32 and float64 tensors. Throws ERR_CMIR_CHECKPOINT, naming `path`, for anything
 * that is not one: truncated, a header that is no JSON, offsets that overlap, leave gaps or lie outside.
 */
export function decodeTensors(bytes: Uint8Array, path: string): TensorFile {
  const fail = (problem: string): never => {
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${path}: not a readable safetensors file: ${problem}`,
    );
  };
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < LENGTH_BYTES) fail(`found ${String(file.length)} bytes, expected a header`);
  const headerBytes = Number(file.readBigUInt64LE());
  if (headerBytes > LARGEST_HEADER || LENGTH_BYTES + headerBytes > file.length) {
    fail(
      `its header claims ${String(headerBytes)} bytes, the file has ${String(file.length)} (truncated?)`,
    );
  }
  const start = LENGTH_BYTES + headerBytes;
  const header = parseHeader(file.toString('utf8', LENGTH_BYTES, start), fail);
  const metadata = (header['__metadata__'] ?? {}) as Record<string, string>;
  const entries = Object.entries(header)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, entry]) => checkEntry(name, entry, fail))
    .sort((a, b) => a.data_offsets[0] - b.data_offsets[0]);
  const tensors: Record<string, NativeTensor> = {};
  let end = 0;
  for (const { name, dtype, shape, data_offsets } of entries) {
    if (data_offsets[0] !== end) {
      fail(`tensor '${name}' begins at byte ${String(data_offsets[0])}, expected ${String(end)}`);
    }
    end = data_offsets[1];
    if (start + end > file.length) {
      fail(
        `tensor '${name}' ends at byte ${String(start + end)}, the file has ${String(file.length)} (truncated?)`,
      );
    }
    // A copy: the file's bytes need not be aligned.
    const data = file.subarray(start + data_offsets[0], start + end);
    const copy = new Uint8Array(data);
    tensors[name] = { shape, data: new DTYPES[dtype](copy.buffer) };
  }
  if (start + end !== file.length) {
    fail(`${String(file.length - start - end)} bytes follow the last tensor`);
  }
  return { tensors, metadata };
}

function parseHeader(text: string, fail: (problem: string) => never): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    fail('its header is not JSON');
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) {
    fail('its header is not an object');
  }
  const metadata = (header as Record<string, unknown>)['__metadata__'] ?? {};
  if (typeof metadata !== 'object' || Object.values(metadata).some((v) => typeof v !== 'string')) {
    fail('its metadata is not text');
  }
  return header as Record<string, unknown>;
}

function checkEntry(
  name: string,
  value: unknown,
  fail: (problem: string) => never,
): Entry & { name: string } {
  const { dtype, shape, data_offsets } = (value ?? {}) as Partial<Entry>;
  if (dtype === undefined || !Object.hasOwn(DTYPES, dtype)) {
    return fail(`tensor '${name}' has dtype ${String(dtype)}, expected F32 or F64`);
  }
  const isLength = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isLength)) {
    return fail(`tensor '${name}' has no valid shape`);
  }
  const size = shape.reduce((product, length) => product * length, DTYPES[dtype].BYTES_PER_ELEMENT);
  const [begin, end, ...rest]: unknown[] = Array.isArray(data_offsets) ? data_offsets : [];
  if (!isLength(begin) || !isLength(end) || rest.length > 0 || end - begin !== size) {
    return fail(`tensor '${name}' has offsets that are not its ${String(size)} bytes`);
  }
  return { name, dtype, shape, data_offsets: [begin, end] };
}
