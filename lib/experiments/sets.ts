import type { Dataset } from '../data/dataset';
import { CmirError } from '../errors';
import { expectedOneOf } from '../suggest';
import { EVALUATION_KINDS, isAdditive, type Noise } from '../training/noise';
import type { EvaluationSet } from './results';

/** Noise on a test set: the kinds of the sweep noise-v1 (docs/method.md). */
export interface NoiseSpec {
  /** What the noise does. */
  readonly kind: Noise['kind'];
  /** Standard deviations (gaussian, laplace) or probability. */
  readonly level: number;
  /** Names of the modalities it is on; null: all. */
  readonly modalities: readonly string[] | null;
}

/** The name of a test set under noise: gaussian:0.7, `erase:0.5@text`, `modality:1@audio+vision`. */
export function noiseName({ kind, level, modalities }: NoiseSpec): string {
  const on = modalities === null ? '' : `@${modalities.join('+')}`;
  return `${kind}:${String(level)}${on}`;
}

/** Levels of the sweep noise-v1, and one more for kinds that have no highest. */
export const SWEEP_LEVELS: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
const STRONG_LEVEL = 1.4;
const VECTOR_KINDS = ['gaussian', 'laplace', 'erase', 'modality'] as const;
/** What happens to time steps: of a vector an example, little else than modality does. */
const SEQUENCE_KINDS = [
  'gaussian',
  'laplace',
  'erase',
  'replace',
  'frame',
  'block',
  'modality',
] as const;
/** Up to so many modalities, they are left out in every combination; of more, one or all but one. */
const MOST_COMBINED = 5;

/** Which test sets a sweep has. */
export interface SweepOptions {
  /** Default: all that mean something for the data; never drop, which is a kind of training. */
  readonly kinds?: readonly Noise['kind'][];
  /** Default: 0.1 to 0.7, and 1.4 for additive kinds. Those above 1 are for additive kinds alone. */
  readonly levels?: readonly number[];
  /** Other splits that are looked at as they are, such as `shifted`. Default: none. */
  readonly splits?: readonly string[];
}

/**
 * The test sets of the sweep noise-v1: clean, every kind at every level on all modalities together and on each alone,
 * modalities missing in every combination but all (where `modality` is among the kinds), and other splits.
 * `isSequence`: whether any modality is a sequence. Throws ERR_CMIR_USAGE for an unknown kind, or a level that is not
 * above 0.
 */
export function sweepSets(
  modalities: readonly string[],
  isSequence: boolean,
  options: SweepOptions = {},
): EvaluationSet[] {
  const { kinds = isSequence ? SEQUENCE_KINDS : VECTOR_KINDS, splits = [] } = options;
  for (const level of options.levels ?? []) {
    if (Number.isFinite(level) && level > 0) continue;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `levels: found ${String(level)}, expected numbers above 0 (clean is always there)`,
    );
  }
  const places = modalities.length > 1 ? [null, ...modalities.map((name) => [name])] : [null];
  const noises = kinds.flatMap((name) => {
    const kind = checkKind(name, 'kinds');
    return places.flatMap((on) =>
      levelsOf(kind, options.levels).map((level) => ({ kind, level, modalities: on })),
    );
  });
  const missing = kinds.includes('modality') ? combinations(modalities) : [];
  const sets = [
    parseSet('clean'),
    ...noises.map(noiseSet),
    ...missing.map((names) => noiseSet({ kind: 'modality', level: 1, modalities: names })),
    ...splits.map((split) => ({ name: split, split, noise: null })),
  ];
  return [...new Map(sets.map((set) => [set.name, set])).values()];
}

function levelsOf(kind: Noise['kind'], levels: readonly number[] | undefined): readonly number[] {
  if (!isAdditive(kind)) return (levels ?? SWEEP_LEVELS).filter((level) => level <= 1);
  return levels ?? [...SWEEP_LEVELS, STRONG_LEVEL];
}

/** Every choice of some of the names, none and all left out, few first, each in alphabetical order. */
function combinations(names: readonly string[]): string[][] {
  const sorted = [...names].sort();
  const all =
    sorted.length <= MOST_COMBINED
      ? sorted.reduce<string[][]>(
          (sets, name) => [...sets, ...sets.map((set) => [...set, name])],
          [[]],
        )
      : sorted.flatMap((name) => [[name], sorted.filter((other) => other !== name)]);
  return all
    .filter((set) => set.length > 0 && set.length < sorted.length)
    .sort((a, b) => a.length - b.length);
}

/** Reads such a name; undefined where it is none. Its kind, level and modalities are not looked at. */
export function readNoiseName(
  name: string,
): { kind: string; level: number; modalities: string[] | null } | undefined {
  const [, kind, level, on] = /^([a-z]+):(\d*\.?\d+(?:e[+-]?\d+)?)(?:@(.+))?$/i.exec(name) ?? [];
  if (kind === undefined || level === undefined) return undefined;
  return { kind, level: Number(level), modalities: on?.split('+') ?? null };
}

/**
 * The test set of a name: clean, `KIND:LEVEL` or `KIND:LEVEL@MODALITY+MODALITY` on the test split, or another split as it
 * is. Throws ERR_CMIR_USAGE for noise that there is not; whether split and modalities exist shows with the data.
 */
export function parseSet(name: string): EvaluationSet {
  if (name === 'clean') return { name, split: 'test', noise: null };
  const noise = readNoiseName(name);
  if (noise === undefined) {
    if (name === '' || /[:@]/.test(name)) {
      throw new CmirError(
        'ERR_CMIR_USAGE',
        `test set: found '${name}', expected clean, a split, or KIND:LEVEL[@MODALITY+MODALITY], for example erase:0.5@text`,
      );
    }
    return { name, split: name, noise: null };
  }
  return noiseSet({ ...noise, kind: checkKind(noise.kind, `test set '${name}'`) });
}

/** The kind of that name. Throws ERR_CMIR_USAGE, beginning with `where`, for a name that is none. */
export function checkKind(kind: string, where: string): Noise['kind'] {
  const known = EVALUATION_KINDS.find((name) => name === kind);
  if (known !== undefined) return known;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${where}: found kind '${kind}', ${expectedOneOf(kind, EVALUATION_KINDS)}`,
  );
}

function noiseSet(noise: NoiseSpec): EvaluationSet {
  if (!isAdditive(noise.kind) && noise.level > 1) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `test set '${noiseName(noise)}': found level ${String(noise.level)}, expected a probability from 0 to 1`,
    );
  }
  return { name: noiseName(noise), split: 'test', noise };
}

/** The noise of a test set, as Model.predict takes it. */
export function noiseOf({ kind, level, modalities }: NoiseSpec, seed: number): Noise {
  return { kind, intensity: level, seed, ...(modalities === null ? {} : { modalities }) };
}

/** Level of each kind, on all modalities, of the test sets that are looked at when nothing else is asked for. */
const STANDARD: readonly (readonly [Noise['kind'], readonly number[]])[] = [
  ['gaussian', [0.7, 1.4]],
  ['erase', [0.5, 0.7]],
];

/** A few test sets: clean, other splits, noise of two kinds, each modality missing. */
export function standardSets(dataset: Dataset): EvaluationSet[] {
  const names = dataset.modalities.map(({ name }) => name).sort();
  const noises: NoiseSpec[] = STANDARD.flatMap(([kind, levels]) =>
    levels.map((level) => ({ kind, level, modalities: null })),
  );
  const missing = names.map((name): NoiseSpec => ({
    kind: 'modality',
    level: 1,
    modalities: [name],
  }));
  return [
    parseSet('clean'),
    ...otherSplits(dataset).map(parseSet),
    ...[...noises, ...(names.length > 1 ? missing : [])].map(noiseSet),
  ];
}

/** The whole sweep noise-v1 of a data set, and its other splits. */
export function fullSets(dataset: Dataset): EvaluationSet[] {
  const names = dataset.modalities.map(({ name }) => name);
  const isSequence = dataset.modalities.some(({ offsets }) => offsets !== undefined);
  return sweepSets(names, isSequence, { splits: otherSplits(dataset) });
}

/** Splits besides train, valid and test that have examples. */
function otherSplits({ splits }: Dataset): string[] {
  return [...splits]
    .filter(([name, rows]) => !['train', 'valid', 'test'].includes(name) && rows.length > 0)
    .map(([name]) => name);
}
