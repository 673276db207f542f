import { CmirError } from '../errors';
import { checkWidth } from './check';
import { Dataset, type Modality } from './dataset';
import { makeLabel } from './label';
import type { ResolvedLoadOptions } from './options';
import { groupSplits } from './splits';

/**
 * Features of one modality: a row an example; a list of frames an example, for sequences; or all rows in one array
 * of [examples, features], or [frames, features] with `offsets`.
 */
export type FeatureArrays =
  | readonly ArrayLike<number>[]
  | readonly (readonly ArrayLike<number>[])[]
  | {
      readonly features: number;
      readonly values: Float32Array;
      /** Of sequences, [examples + 1]: example i has the frames offsets[i] to offsets[i + 1]. */
      readonly offsets?: ArrayLike<number>;
      readonly columns?: readonly string[];
      /** NaN in the values is a missing value, not a mistake. */
      readonly nanIsMissing?: boolean;
    };

/** A data set that is already in memory. */
export interface DatasetArrays {
  /** Short name for messages; `arrays` by default. */
  readonly name?: string;
  /** One an example, unique; the row numbers by default. */
  readonly ids?: readonly string[];
  /** Features by the modality's name. */
  readonly modalities: Readonly<Record<string, FeatureArrays>>;
  /** One an example: values, class indices or class names. */
  readonly labels?: ArrayLike<number | string> | null;
  /** One an example: train, valid, test or shifted. */
  readonly splits?: readonly string[];
}

/**
 * Builds a data set from arrays; float arrays are taken as they are, not copied.
 * Throws ERR_CMIR_DATA for counts that do not agree, a ragged row, or an unknown split.
 */
export function fromArrays(arrays: DatasetArrays, options: ResolvedLoadOptions): Dataset {
  const name = arrays.name ?? 'arrays';
  const modalities = Object.entries(arrays.modalities).map(([modality, features]) =>
    toModality(name, modality, features),
  );
  const size = arrays.ids?.length ?? countExamples(Object.values(arrays.modalities)[0]);
  const checkCount = (what: string, found: number): void => {
    if (found !== size) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${name}, ${what}: found ${String(found)}, expected ${String(size)}, one an example`,
      );
    }
  };
  for (const [modality, features] of Object.entries(arrays.modalities)) {
    checkCount(`modality ${modality}, rows`, countExamples(features));
  }
  const ids = arrays.ids ?? Array.from({ length: size }, (_, row) => String(row));
  const where = (row: number): string => `${name}, row ${String(row)} (id ${ids[row] ?? ''})`;

  const labels = arrays.labels ?? null;
  if (labels !== null) checkCount('labels', labels.length);
  const cells = labels === null ? null : Array.from(labels, String);
  const splits = arrays.splits ?? [];
  if (arrays.splits !== undefined) checkCount('splits', splits.length);
  return new Dataset({
    name,
    ids,
    modalities,
    label: cells === null ? null : makeLabel(options.label ?? 'label', cells, options, where),
    splits: groupSplits(splits, where),
  });
}

function countExamples(features: FeatureArrays | undefined): number {
  if (features === undefined) return 0;
  if (isList(features)) return features.length;
  const { values, offsets } = features;
  return offsets === undefined ? Math.floor(values.length / features.features) : offsets.length - 1;
}

type Rows = readonly ArrayLike<number>[];
type Sequences = readonly Rows[];

/** Array.isArray does not narrow readonly arrays. */
function isList(features: FeatureArrays): features is Rows | Sequences {
  return Array.isArray(features);
}

/** Whether each example is a list of frames: one that is not empty tells. */
function isSequences(rows: Rows | Sequences): rows is Sequences {
  return rows.some((row) => row.length > 0 && typeof row[0] === 'object');
}

function toModality(source: string, name: string, features: FeatureArrays): Modality {
  const where = `${source}, modality ${name}`;
  if (!isList(features)) {
    checkWidth(where, features.features);
    const { offsets, ...rest } = features;
    return {
      ...rest,
      name,
      ...(offsets === undefined ? {} : { offsets: Float64Array.from(offsets) }),
    };
  }
  if (!isSequences(features)) return { name, ...joinRows(where, features) };
  let frames = 0;
  const ends = features.map((example) => (frames += example.length));
  const offsets = Float64Array.of(0, ...ends);
  return { name, ...joinRows(where, features.flat()), offsets };
}

function joinRows(where: string, rows: Rows): { features: number; values: Float32Array } {
  const width = rows[0]?.length ?? 0;
  const values = new Float32Array(rows.length * width);
  rows.forEach((row, index) => {
    if (row.length !== width) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${where}, row ${String(index)}: found ${String(row.length)} features, ` +
          `expected ${String(width)} as in row 0`,
      );
    }
    values.set(row, index * width);
  });
  return { features: width, values };
}
