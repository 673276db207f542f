import { CmirError } from '../../errors';
import type { Field, FrameList } from '../parts';
import { describeShape, type StoredArray } from '../storage/array';

/** Names that hold labels whatever their shape, each with the name of its first column here. */
export const LABELS: ReadonlyMap<string, string> = new Map([
  ['label', 'label'],
  ['labels', 'label'],
  ['y', 'label'],
  ['regression_labels', 'label'],
  ['regression_labels_T', 'label_T'],
  ['regression_labels_A', 'label_A'],
  ['regression_labels_V', 'label_V'],
  ['classification_labels', 'classification_labels'],
]);
export const IDS = ['id', 'ids'];
export const SPLITS = ['split', 'splits'];

/** The values of a modality. */
export type FramesField = StoredArray | FrameList;

export type Fields = ReadonlyMap<string, Field>;

/** One part of a file with the number of its examples and the split it belongs to. */
export interface Piece {
  readonly split: string | null;
  readonly fields: Fields;
  readonly size: number;
  /** For messages: the source, and the split where the file has parts. */
  readonly where: string;
}

export interface Roles {
  columns: string[];
  modalities: string[];
}

/** Which fields are columns and which are modalities. */
export function sortFields(
  pieces: readonly Piece[],
  names: readonly string[],
  notes: string[],
): Roles {
  const roles: Roles = { columns: [], modalities: [] };
  for (const name of names) {
    if (IDS.includes(name) || SPLITS.includes(name) || isAbout(name, names)) continue;
    const piece = pieces.find(({ fields }) => fields.has(name)) as Piece;
    const field = piece.fields.get(name) as Field;
    if (isTokens(name, field)) {
      // Beside their embeddings they tell the lengths, and are missed by nobody.
      if (names.includes(name.replace(/_bert$/, ''))) continue;
      notes.push(`${name} is left out: it holds token ids, which need a language model first`);
    } else if (field.kind === 'texts' || LABELS.has(name) || isScalar(field)) {
      roles.columns.push(name);
    } else if (isModality(field)) {
      roles.modalities.push(name);
    } else {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${piece.where}, ${name}: found ${describe(field)}, expected [examples, features] or [examples, frames, features]`,
      );
    }
  }
  return roles;
}

/** Whether a field only describes another one. */
function isAbout(name: string, names: readonly string[]): boolean {
  const match = /^(.+)_(?:lengths?|mask|offsets|missing|columns)$/.exec(name);
  return match !== null && names.includes(match[1] as string);
}

/** MMSA's text_bert: ids, mask and segment of each token, [N, 3, T]. */
export function isTokens(name: string, field: Field): boolean {
  return name.endsWith('_bert') && field.kind === 'numbers' && field.shape[1] === 3;
}

function isScalar(field: Field): boolean {
  return field.kind === 'numbers' && field.shape.length === 1;
}

export function isModality(field: Field): field is FramesField {
  if (field.kind === 'texts') return false;
  if (field.kind === 'frames') return field.arrays.every(({ shape }) => shape.length === 2);
  return field.shape.length === 2 || field.shape.length === 3;
}

export function describe(field: Field): string {
  switch (field.kind) {
    case 'numbers':
      return describeShape(field);
    case 'texts':
      return `texts [${field.shape.join(', ')}]`;
    case 'frames':
      return `${String(field.arrays.length)} arrays, the first ${field.arrays[0] === undefined ? 'absent' : describeShape(field.arrays[0])}`;
  }
}
