import { CmirError } from '../../errors';
import { listNames } from '../cells';
import type { Modality } from '../dataset';
import { zeroInfinite } from '../finite';
import { joinFrames, type FramesPart } from './frames';
import type { StoredArray } from '../storage/array';
import { describe, isModality, isTokens, type FramesField, type Piece } from './fields';

/** A modality, and whether its values are known to be finite. */
export interface ReadModality {
  readonly modality: Modality;
  readonly isFinite: boolean;
}

/** One modality over all parts. */
export async function readModality(
  pieces: readonly Piece[],
  name: string,
  zeroInfinity: boolean,
  notes: string[],
): Promise<ReadModality> {
  const found = pieces.map((piece) => framesPart(piece, name));
  const features = commonWidth(found);
  const columns = pieces
    .map(({ fields }) => fields.get(`${name}_columns`))
    .find((field) => field?.kind === 'texts');
  const named = columns?.kind === 'texts' ? { columns: columns.values } : {};

  const isPlain = ({ part: { field } }: Found): boolean =>
    field.kind === 'numbers' && field.shape.length === 2;
  const { isFinite, zeroed, ...content } = found.every(isPlain)
    ? await joinRows(pieces, name, features, zeroInfinity, notes)
    : await joinPadded(pieces, name, found, features, zeroInfinity, notes);
  if (zeroed > 0) {
    notes.push(`${name}: ${String(zeroed)} infinite values are set to 0, as MMSA's loader does`);
  }
  return { modality: { name, features, ...content, ...named }, isFinite };
}

interface Content {
  readonly values: Float32Array;
  readonly offsets?: Float64Array;
  readonly nanIsMissing?: boolean;
  readonly zeroed: number;
  readonly isFinite: boolean;
}

/** Parts of [N, D], or of [frames, D] with offsets. */
async function joinRows(
  pieces: readonly Piece[],
  name: string,
  features: number,
  zeroInfinity: boolean,
  notes: string[],
): Promise<Content> {
  const offsets = await joinOffsets(pieces, name);
  const fields = pieces.map((piece) => piece.fields.get(name) as StoredArray);
  const values = new Float32Array(fields.reduce((sum, { rows }) => sum + rows * features, 0));
  let begin = 0;
  let missing = 0;
  for (const [index, field] of fields.entries()) {
    const part = values.subarray(begin, begin + field.size);
    await field.copyTo(part);
    missing += await markMissing(pieces[index] as Piece, name, part, features);
    begin += field.size;
  }
  if (missing > 0) {
    notes.push(`${name}: ${String(missing)} missing values count as the training mean`);
  }
  const zeroed = zeroInfinity ? zeroInfinite(values) : 0;
  return {
    values,
    ...(offsets && { offsets }),
    ...(missing > 0 && { nanIsMissing: true }),
    zeroed,
    isFinite: false,
  };
}

/** Sets what `<modality>_missing` marks, examples or single values, to NaN. Returns how many values. */
async function markMissing(
  { fields, where }: Piece,
  name: string,
  values: Float32Array,
  features: number,
): Promise<number> {
  const field = fields.get(`${name}_missing`);
  if (field === undefined) return 0;
  const rows = values.length / features;
  const width = field.kind === 'numbers' && field.rows === rows ? field.rowSize : 0;
  if (field.kind !== 'numbers' || (width !== 1 && width !== features)) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}, ${name}_missing: found ${describe(field)}, expected [${String(rows)}] or [${String(rows)}, ${String(features)}]`,
    );
  }
  const mask = await field.float32();
  const marks = width === 1 ? features : 1;
  let count = 0;
  mask.forEach((marked, index) => {
    if (marked === 0) return;
    count += marks;
    values.fill(NaN, index * marks, (index + 1) * marks);
  });
  return count;
}

/** Parts of [N, T, D], or lists of [n, D]. */
async function joinPadded(
  pieces: readonly Piece[],
  name: string,
  found: readonly Found[],
  features: number,
  zeroInfinity: boolean,
  notes: string[],
): Promise<Content> {
  const frames: FramesPart[] = [];
  for (const [index, { part }] of found.entries()) {
    const lengths = await lengthsOf(pieces[index] as Piece, name, part.field);
    frames.push({ ...part, lengths });
  }
  const { contradicted, ...joined } = await joinFrames(frames, features, zeroInfinity);
  if (contradicted > 0) {
    notes.push(
      `${name}: the lengths of ${String(contradicted)} examples leave out frames that are not 0; ` +
        'there the zero padding decides',
    );
  }
  return joined;
}

interface Found {
  readonly part: Omit<FramesPart, 'lengths'>;
  /** Null where there is no example to tell. */
  readonly features: number | null;
}

function framesPart({ fields, where }: Piece, name: string): Found {
  const field = fields.get(name);
  const place = `${where}, ${name}`;
  if (field === undefined || !isModality(field)) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${place}: found ${field === undefined ? 'nothing' : describe(field)}, expected the modality's features as in other splits`,
    );
  }
  const widths =
    field.kind === 'frames'
      ? new Set(field.arrays.map(({ shape }) => shape[1] as number))
      : new Set([field.shape.at(-1) as number]);
  if (widths.size > 1) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${place}: found frames of ${listNames([...widths].map(String))} features, expected one number`,
    );
  }
  const [features = null] = widths;
  return { part: { field, where: place }, features };
}

function commonWidth(found: readonly Found[]): number {
  const first = found.find(({ features }) => features !== null);
  for (const { part, features } of found) {
    if (features !== null && features !== first?.features) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${part.where}: found ${String(features)} features, expected ${String(first?.features)} as in ${first?.part.where ?? ''}`,
      );
    }
  }
  return first?.features ?? 0;
}

/** Offsets over all parts, where the file has them. */
async function joinOffsets(pieces: readonly Piece[], name: string): Promise<Float64Array | null> {
  if (!pieces.some(({ fields }) => fields.has(`${name}_offsets`))) return null;
  const joined = [0];
  for (const { fields, where } of pieces) {
    const field = fields.get(`${name}_offsets`);
    const begin = joined.at(-1) as number;
    const offsets = field?.kind === 'numbers' ? await field.float64() : new Float64Array();
    const rows = (fields.get(name) as StoredArray).rows;
    const ascending = offsets.every((offset, i) => i === 0 || offset >= (offsets[i - 1] as number));
    if (offsets[0] !== 0 || offsets.at(-1) !== rows || !ascending) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${where}, ${name}_offsets: expected ascending frame numbers from 0 to ${String(rows)}`,
      );
    }
    for (const offset of offsets.subarray(1)) joined.push(begin + offset);
  }
  return Float64Array.from(joined);
}

/** Frames of each example as the file tells them: by length, by mask, or by the mask of MMSA's tokens. */
async function lengthsOf(
  { fields, where }: Piece,
  name: string,
  field: FramesField,
): Promise<ArrayLike<number> | null> {
  const longest = field.kind === 'frames' ? null : (field.shape[1] as number);
  const lengths = fields.get(`${name}_lengths`) ?? fields.get(`${name}_length`);
  if (lengths !== undefined) {
    if (lengths.kind === 'numbers' && lengths.rowSize === 1) return lengths.float64();
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}, ${name}_lengths: found ${describe(lengths)}, expected one integer an example`,
    );
  }
  const mask = fields.get(`${name}_mask`);
  if (mask?.kind === 'numbers' && mask.shape.length === 2 && mask.shape[1] === longest) {
    return countOnes(await mask.float64(), mask.rowSize);
  }
  const tokens = fields.get(`${name}_bert`);
  if (
    tokens?.kind === 'numbers' &&
    isTokens(`${name}_bert`, tokens) &&
    tokens.shape[2] === longest
  ) {
    const width = longest;
    const all = await tokens.float64();
    return Float64Array.from({ length: tokens.rows }, (_, row) => {
      const begin = (3 * row + 1) * width;
      return all.subarray(begin, begin + width).reduce((sum, value) => sum + value, 0);
    });
  }
  return null;
}

function countOnes(mask: Float64Array, width: number): Float64Array {
  return Float64Array.from({ length: mask.length / Math.max(1, width) }, (_, row) =>
    mask
      .subarray(row * width, (row + 1) * width)
      .reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0),
  );
}
