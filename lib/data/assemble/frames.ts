import { CmirError } from '../../errors';
import { areZero, firstNonFinite, zeroInfinite } from '../finite';
import type { FrameList } from '../parts';
import { elementsOf, type StoredArray } from '../storage/array';

/** Values read at a time: 1 MB, which stays in cache. */
const CHUNK = 2 ** 18;

/** Frames of a whole modality, one example after another. */
export interface Frames {
  readonly values: Float32Array;
  /** [examples + 1] */
  readonly offsets: Float64Array;
  /** Values that were infinite and are 0 now. */
  readonly zeroed: number;
  /** Whether no value is NaN or infinite: it is cheaper to look while they are in cache. */
  readonly isFinite: boolean;
  /** Examples whose given length does not agree with their zero padding. */
  readonly contradicted: number;
}

/** One file part of a modality: padded frames [N, T, D], or a list of [n_i, D]. */
export interface FramesPart {
  readonly field: StoredArray | FrameList;
  /** Frames of each example; null where the padding must tell. */
  readonly lengths: ArrayLike<number> | null;
  /** For messages. */
  readonly where: string;
}

/**
 * Cuts padding off and lays the frames of all parts one after another.
 * Where lengths are given, the padding is what is 0 beyond them, behind the frames or in front of them; elsewhere
 * it is the frames at either end that are 0 throughout. A list whose arrays differ in length has no padding.
 * `zeroInfinity` sets infinite values to 0. Throws ERR_CMIR_DATA for a length that is not one.
 */
export async function joinFrames(
  parts: readonly FramesPart[],
  features: number,
  zeroInfinity: boolean,
): Promise<Frames> {
  const most = parts.reduce((sum, { field }) => sum + valuesOf(field), 0);
  // Pages of it that are never written are never there.
  const values = new Float32Array(most);
  const offsets = [0];
  let used = 0;
  let zeroed = 0;
  let isFinite = true;
  let contradicted = 0;

  const add = (frames: Float32Array, length: number | null, padded: boolean): void => {
    const range = padded ? unpaddedRange(frames, features, length) : null;
    if (range?.contradicted === true) contradicted += 1;
    const kept =
      range === null ? frames : frames.subarray(range.begin * features, range.end * features);
    values.set(kept, used);
    const own = values.subarray(used, used + kept.length);
    if (firstNonFinite(own) >= 0) {
      if (zeroInfinity) zeroed += zeroInfinite(own);
      isFinite &&= zeroInfinity && firstNonFinite(own) < 0;
    }
    used += kept.length;
    offsets.push(used / features);
  };

  for (const { field, lengths, where } of parts) {
    if (field.kind === 'frames') {
      const padded = lengths !== null || arePadded(field);
      for (const [row, array] of field.arrays.entries()) {
        const length = checkedLength(lengths, row, array.rows, where);
        add(await array.float32(), length, padded);
      }
      continue;
    }
    const [, longest = 0] = field.shape;
    const size = longest * features;
    for await (const { chunk, first, count } of chunksOf(field)) {
      for (let index = 0; index < count; index += 1) {
        const frames = chunk.subarray(index * size, (index + 1) * size);
        add(frames, checkedLength(lengths, first + index, longest, where), true);
      }
    }
  }
  // A view keeps the whole buffer; copying costs less than keeping much that is not used.
  const kept = used < 0.6 * most ? values.slice(0, used) : values.subarray(0, used);
  return { values: kept, offsets: Float64Array.from(offsets), zeroed, isFinite, contradicted };
}

interface Chunk {
  readonly chunk: Float32Array;
  /** First entry of the first axis, and how many there are. */
  readonly first: number;
  readonly count: number;
}

/** A field chunk after chunk; while one is worked on, the next is read. A chunk lasts until the next is asked for. */
async function* chunksOf(field: StoredArray): AsyncGenerator<Chunk> {
  const { rows, rowSize } = field;
  const step = Math.min(rows, Math.max(1, Math.floor(CHUNK / Math.max(1, rowSize))));
  const buffers = [0, 1].map(() => new Float32Array(step * rowSize)) as [
    Float32Array,
    Float32Array,
  ];
  const read = async (first: number): Promise<Chunk> => {
    const count = Math.min(step, rows - first);
    const chunk = buffers[(first / step) % 2 === 0 ? 0 : 1].subarray(0, count * rowSize);
    await field.copyTo(chunk, first);
    return { chunk, first, count };
  };
  let next = rows > 0 ? read(0) : undefined;
  for (let first = 0; next !== undefined; first += step) {
    const chunk = await next;
    next = first + step < rows ? read(first + step) : undefined;
    // Should the consumer fail, nobody waits for it any more.
    next?.catch(() => undefined);
    yield chunk;
  }
}

function valuesOf(field: StoredArray | FrameList): number {
  return field.kind === 'frames'
    ? field.arrays.reduce((sum, { shape }) => sum + elementsOf(shape), 0)
    : field.size;
}

/** Arrays that are all equally long have been padded, unless there is only one frame. */
function arePadded({ arrays }: FrameList): boolean {
  const length = arrays[0]?.rows ?? 0;
  return arrays.length > 1 && length > 1 && arrays.every(({ rows }) => rows === length);
}

function checkedLength(
  lengths: ArrayLike<number> | null,
  row: number,
  longest: number,
  where: string,
): number | null {
  if (lengths === null) return null;
  const length = lengths[row];
  if (Number.isInteger(length) && (length as number) >= 0 && (length as number) <= longest) {
    return length as number;
  }
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${where}, row ${String(row)}: found length ${String(length)}, expected 0 to ${String(longest)}`,
  );
}

/** Which frames of a padded example are its own. */
function unpaddedRange(
  frames: Float32Array,
  features: number,
  length: number | null,
): { begin: number; end: number; contradicted: boolean } {
  const total = frames.length / features;
  if (length !== null) {
    if (areZero(frames, length * features, frames.length)) {
      return { begin: 0, end: length, contradicted: false };
    }
    if (areZero(frames, 0, (total - length) * features)) {
      return { begin: total - length, end: total, contradicted: false };
    }
  }
  let begin = 0;
  let end = total;
  while (end > 0 && areZero(frames, (end - 1) * features, end * features)) end -= 1;
  while (begin < end && areZero(frames, begin * features, (begin + 1) * features)) begin += 1;
  return { begin, end, contradicted: length !== null };
}
