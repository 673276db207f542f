import { CmirError } from '../errors';
import { listNames } from './cells';
import type { Dataset, Label, Modality } from './dataset';
import { firstNonFinite } from './finite';
import type { ResolvedLoadOptions } from './options';
import { rowsOf } from './values';

/** Throws ERR_CMIR_DATA for a modality name that cannot be part of a tensor's or a configuration's key. */
export function checkModalityName(source: string, name: string): void {
  if (name === '' || name.includes('.')) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: found modality '${name}', expected a name without a dot; tensors are named encoders.<modality>.0.weight`,
    );
  }
}

/**
 * What training needs of a label: that it is there, that train has examples and that they differ in it.
 * Throws ERR_CMIR_DATA that starts with `source`.
 */
export function checkTargets(
  source: string,
  label: Label | null,
  splits: ReadonlyMap<string, Int32Array>,
  { requireLabel, requireTrain }: ResolvedLoadOptions,
): void {
  if (label === null && requireLabel) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: found no labels, expected one for every example`,
    );
  }
  if (!requireTrain) return;
  const train = splits.get('train');
  if (train === undefined || train.length === 0) {
    const others = splits.size === 0 ? 'no split' : `only ${[...splits.keys()].join(', ')}`;
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: found ${others}, expected examples with split train to learn from`,
    );
  }
  if (label === null) return;
  const [first = 0] = train;
  const value = label.values[first] ?? NaN;
  if (train.every((row) => label.values[row] === value)) {
    const shown = label.classes?.[value] ?? String(value);
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: label '${label.name}' is ${shown} in all ${String(train.length)} examples of train, ` +
        `expected at least two values`,
    );
  }
}

/**
 * Checks a data set that did not come from a file: shapes, unique ids, row numbers, label values, non-finite
 * features, then checkTargets. Throws ERR_CMIR_DATA naming modality, example and column. `finite` names modalities
 * whose values are known to be finite.
 */
export function checkDataset(
  dataset: Dataset,
  options: ResolvedLoadOptions,
  finite: ReadonlySet<string> = new Set(),
): void {
  const { name: source, ids, modalities, label, splits } = dataset;
  const fail = (problem: string): never => {
    throw new CmirError('ERR_CMIR_DATA', `${source}: ${problem}`);
  };
  if (ids.length === 0) fail('found no examples, expected at least one');
  const seen = new Map<string, number>();
  ids.forEach((id, row) => {
    const first = seen.get(id);
    if (first !== undefined)
      fail(`found id ${id} in rows ${String(first)} and ${String(row)}, expected unique ids`);
    seen.set(id, row);
  });
  if (modalities.length === 0) fail('found no modality, expected at least one');
  const names = modalities.map(({ name }) => name);
  names.forEach((name, index) => {
    checkModalityName(source, name);
    if (names.indexOf(name) !== index)
      fail(`found modality '${name}' twice, expected unique names`);
  });
  for (const modality of modalities) {
    checkShape(dataset, modality);
    if (!finite.has(modality.name)) checkFinite(dataset, modality, options);
  }
  if (label !== null) checkLabel(dataset, label, options);
  for (const [name, rows] of splits) {
    const outside = rows.find((row) => row < 0 || row >= ids.length);
    if (outside !== undefined) {
      fail(`split ${name}: found row ${String(outside)}, expected 0 to ${String(ids.length - 1)}`);
    }
  }
  checkTargets(source, label, splits, options);
}

/** Throws ERR_CMIR_DATA unless `features` counts at least one. */
export function checkWidth(where: string, features: number): void {
  if (Number.isInteger(features) && features >= 1) return;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${where}: found ${String(features)} features, expected at least one`,
  );
}

function checkShape({ name: source, ids }: Dataset, modality: Modality): void {
  const { name, features, offsets } = modality;
  const where = `${source}, modality ${name}`;
  checkWidth(where, features);
  const rows = offsets === undefined ? ids.length : checkOffsets(where, offsets, ids.length);
  if (rowsOf(modality) !== rows) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: found ${String(rowsOf(modality) * features)} values, expected ${String(rows * features)} ` +
        `(${String(rows)} ${offsets === undefined ? 'examples' : 'frames'} of ${String(features)} features)`,
    );
  }
}

function checkFinite(
  { name: source, ids }: Dataset,
  modality: Modality,
  { nonFinite }: ResolvedLoadOptions,
): void {
  const { name, features, offsets, columns, nanIsMissing = false } = modality;
  // What lies in a file was checked when it was written, and is again by the engine, batch by batch.
  if (nonFinite === 'mean' || modality.file !== undefined) return;
  const { values } = modality;
  const index = firstNonFinite(values, nanIsMissing);
  if (index < 0) return;
  const frame = Math.floor(index / features);
  const row = offsets === undefined ? frame : offsets.findIndex((offset) => offset > frame) - 1;
  const column = columns?.[index % features] ?? `feature ${String(index % features)}`;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${source}, modality ${name}, row ${String(row)} (id ${ids[row] ?? ''}), ${column}: found ${String(values[index])}, ` +
      NON_FINITE_ADVICE,
  );
}

/** Throws ERR_CMIR_DATA unless `offsets` are ascending frame numbers from 0; returns the last. */
function checkOffsets(where: string, offsets: Float64Array, examples: number): number {
  const isNext = (offset: number, i: number): boolean =>
    Number.isSafeInteger(offset) && (i === 0 ? offset === 0 : offset >= (offsets[i - 1] as number));
  if (offsets.length === examples + 1 && offsets.every(isNext)) return offsets[examples] as number;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${where}: expected ${String(examples + 1)} offsets, frame numbers that ascend from 0, found ` +
      `${String(offsets.length)} of them${offsets.length === examples + 1 ? ' that do not' : ''}`,
  );
}

/** The rest of every message about NaN or infinity in features. */
export const NON_FINITE_ADVICE =
  'expected a finite float32 number; set data.nonFinite to mean to take the training mean instead';

function checkLabel(
  { name: source, ids }: Dataset,
  label: Label,
  options: ResolvedLoadOptions,
): void {
  const where = `${source}, label '${label.name}'`;
  const { values, classes, task } = label;
  if (options.task !== 'auto' && options.task !== task) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: found a ${task} label, expected one for ${options.task}`,
    );
  }
  if (values.length !== ids.length) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: found ${String(values.length)} values, expected ${String(ids.length)}, one an example`,
    );
  }
  const count = classes?.length ?? 0;
  const isValid = (value: number): boolean =>
    task === 'regression'
      ? Number.isFinite(value)
      : Number.isInteger(value) && value >= 0 && value < count;
  const row = values.findIndex((value) => !isValid(value));
  if (row < 0) return;
  const expected =
    task === 'regression'
      ? 'a finite number'
      : `an index into the classes ${listNames(classes ?? [])}`;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${where}, row ${String(row)} (id ${ids[row] ?? ''}): found ${String(values[row])}, expected ${expected}`,
  );
}
