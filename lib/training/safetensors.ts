import { headerLength, LENGTH_BYTES, parseHeader } from '../data/storage/safetensors';
import { CmirError } from '../errors';
import type { NativeTensor } from '../../binding';

/** The content of a safetensors file: tensors by name, and metadata of strings. */
export interface TensorFile {
  readonly tensors: Readonly<Record<string, NativeTensor>>;
  readonly metadata: Readonly<Record<string, string>>;
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
    const dtype = data.BYTES_PER_ELEMENT === 4 ? 'F32' : 'F64';
    header[name] = { dtype, shape, data_offsets: [begin, end] };
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
  const start = LENGTH_BYTES + headerLength(file, file.length, fail);
  const text = file.toString('utf8', LENGTH_BYTES, start);
  const { entries, metadata } = parseHeader(text, file.length - start, fail);
  const tensors: Record<string, NativeTensor> = {};
  for (const { name, type, shape, begin, end } of entries) {
    if (type !== 'float32' && type !== 'float64') {
      return fail(`tensor '${name}' has type ${type}, expected float32 or float64`);
    }
    // A copy: the file's bytes need not be aligned.
    const copy = new Uint8Array(file.subarray(start + begin, start + end));
    const data = type === 'float32' ? new Float32Array(copy.buffer) : new Float64Array(copy.buffer);
    tensors[name] = { shape: [...shape], data };
  }
  return { tensors, metadata };
}
