import type { StoredArray, TextArray } from './storage/array';

/** The frames of every example on their own, [n_i, D] each. */
export interface FrameList {
  readonly kind: 'frames';
  readonly arrays: readonly StoredArray[];
}

export type Field = StoredArray | TextArray | FrameList;

/**
 * What a file says of some examples, under the file's own names and not yet interpreted: one entry of each
 * field an example. Formats read files into parts; assemble() makes a data set of them.
 */
export interface Part {
  /** The split that the file puts them into, under the file's own name; null where `fields` tell, or nothing does. */
  readonly split: string | null;
  readonly fields: ReadonlyMap<string, Field>;
}
