import { CmirError } from '../../errors';
import { didYouMean } from '../../suggest';

/** Frames of an example: as many in all, or drawn for each, every number in the range alike. */
export type SequenceLength =
  { readonly length: number } | { readonly minLength: number; readonly maxLength: number };

/** Sizes and strengths of the synthetic causal model; every one has a default. */
export interface SyntheticOptions {
  /** Key of every draw, in [0, 2^53). */
  readonly seed?: number;
  /** Features by modality. */
  readonly modalities?: Readonly<Record<string, number>>;
  /** Examples by split; 0 leaves a split out. */
  readonly train?: number;
  /** Examples of valid. Default 500. */
  readonly valid?: number;
  /** Examples of test. Default 1000. */
  readonly test?: number;
  /** Examples of shifted. Default 1000. */
  readonly shifted?: number;
  /** Number of causal factors. */
  readonly causal?: number;
  /** Number of spurious factors. */
  readonly spurious?: number;
  /** Correlation r of each spurious factor with the label, in [-1, 1]. */
  readonly correlation?: number;
  /** The same in `shifted`; default -r. */
  readonly shiftedCorrelation?: number;
  /** Weight b of the spurious part in the features: their low-variance directions. */
  readonly spuriousScale?: number;
  /** Standard deviation of the noise on every feature. */
  readonly noise?: number;
  /** Weight a of the label's own noise. */
  readonly labelNoise?: number;
  /** Makes modalities sequences: all of them, or by modality, the others staying vectors. */
  readonly sequence?: SequenceLength | Readonly<Record<string, SequenceLength>>;
  /** Standard deviation of the frames of a sequence about their mean. */
  readonly frameNoise?: number;
  /** Cuts the label into so many classes, equally likely; 0 leaves it a number. From 2 to 20. */
  readonly classes?: number;
  /** Probability that an example lacks a modality, each on its own: of all, or by modality. */
  readonly missing?: number | Readonly<Record<string, number>>;
}

const DEFAULTS = {
  seed: 1,
  modalities: { text: 64, audio: 48, vision: 48 },
  train: 2000,
  valid: 500,
  test: 1000,
  shifted: 1000,
  causal: 8,
  spurious: 4,
  correlation: 0.9,
  spuriousScale: 0.15,
  noise: 0.05,
  labelNoise: 0.5,
  frameNoise: 0.5,
  classes: 0,
  missing: 0,
} as const;

/** The names of the options. */
export const SYNTHETIC_OPTIONS: readonly string[] = [
  ...Object.keys(DEFAULTS),
  'shiftedCorrelation',
  'sequence',
];

/** More classes would be taken for a quantity when the data are read again. */
const MOST_CLASSES = 20;

export const SYNTHETIC_SPLITS = ['train', 'valid', 'test', 'shifted'] as const;
export type SyntheticSplit = (typeof SYNTHETIC_SPLITS)[number];

export interface ModalityModel {
  readonly name: string;
  readonly features: number;
  /** Shortest and longest sequence; null for a vector. */
  readonly frames: readonly [least: number, most: number] | null;
  readonly missing: number;
}

/** The options with every default filled in and by modality. */
export interface Model extends Required<
  Omit<SyntheticOptions, 'modalities' | 'sequence' | 'missing'>
> {
  readonly modalities: readonly ModalityModel[];
}

/** Throws ERR_CMIR_CONFIG that names the option for an unknown one, or a size or strength out of range. */
export function resolveSyntheticOptions(options: SyntheticOptions): Model {
  checkNames(options);
  const { modalities, sequence, missing, ...rest } = { sequence: {}, ...DEFAULTS, ...options };
  const model: Model = {
    ...rest,
    shiftedCorrelation: options.shiftedCorrelation ?? -rest.correlation,
    modalities: Object.entries(modalities).map(([name, features]) => ({
      name,
      features,
      frames: framesOf(sequence, name),
      missing: typeof missing === 'number' ? missing : (missing[name] ?? 0),
    })),
  };
  checkSizes(model);
  checkStrengths(model);
  return model;
}

function check(name: string, value: unknown, valid: boolean, expected: string): void {
  if (valid) return;
  throw new CmirError(
    'ERR_CMIR_CONFIG',
    `synthetic.${name}: found ${String(value)}, expected ${expected}`,
  );
}

function checkNames(options: SyntheticOptions): void {
  for (const name of Object.keys(options)) {
    const known = SYNTHETIC_OPTIONS.includes(name);
    const expected = `one of ${SYNTHETIC_OPTIONS.join(', ')}${didYouMean(name, SYNTHETIC_OPTIONS)}`;
    check(name, 'an unknown option', known, expected);
  }
  const modalities = Object.keys(options.modalities ?? DEFAULTS.modalities);
  const { sequence = {}, missing = 0 } = options;
  const named = {
    sequence: isLength(sequence) ? {} : sequence,
    missing: typeof missing === 'number' ? {} : missing,
  };
  for (const [option, byModality] of Object.entries(named)) {
    for (const name of Object.keys(byModality)) {
      const expected = `one of ${modalities.join(', ')}${didYouMean(name, modalities)}`;
      check(`${option}.${name}`, 'an unknown modality', modalities.includes(name), expected);
    }
  }
}

/** Whether lengths are meant for all modalities: a modality's own are an object. */
function isLength(
  sequence: SequenceLength | Readonly<Record<string, SequenceLength>>,
): sequence is SequenceLength {
  return Object.values(sequence).some((value) => typeof value === 'number');
}

function framesOf(
  sequence: SequenceLength | Readonly<Record<string, SequenceLength>>,
  modality: string,
): readonly [number, number] | null {
  const own = isLength(sequence) ? sequence : sequence[modality];
  if (own === undefined) return null;
  const where = isLength(sequence) ? 'sequence' : `sequence.${modality}`;
  if ('length' in own) {
    const { length } = own;
    check(`${where}.length`, length, isCount(length, 1), 'an integer from 1');
    return [length, length];
  }
  const { minLength, maxLength } = own;
  check(`${where}.minLength`, minLength, isCount(minLength, 0), 'an integer from 0');
  const least = Math.max(1, minLength);
  check(
    `${where}.maxLength`,
    maxLength,
    isCount(maxLength, least),
    `an integer from ${String(least)}`,
  );
  return [minLength, maxLength];
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

function checkSizes(model: Model): void {
  const { seed, modalities, classes } = model;
  check('seed', seed, isCount(seed, 0), 'an integer from 0 to 2^53 - 1');
  for (const name of ['valid', 'test', 'shifted'] as const) {
    check(name, model[name], isCount(model[name], 0), 'an integer from 0');
  }
  check('train', model.train, isCount(model.train, 2), 'an integer from 2');
  check('modalities', modalities.length, modalities.length > 0, 'at least one');
  for (const { name, features } of modalities) {
    check(`modalities.${name}`, features, isCount(features, 1), 'an integer from 1');
  }
  for (const name of ['causal', 'spurious'] as const) {
    check(name, model[name], isCount(model[name], 1), 'an integer from 1');
  }
  const known = classes === 0 || (isCount(classes, 2) && classes <= MOST_CLASSES);
  check('classes', classes, known, `0, or an integer from 2 to ${String(MOST_CLASSES)}`);
}

function checkStrengths(model: Model): void {
  for (const name of ['correlation', 'shiftedCorrelation'] as const) {
    check(name, model[name], Math.abs(model[name]) <= 1, 'a number from -1 to 1');
  }
  for (const name of ['noise', 'spuriousScale', 'labelNoise', 'frameNoise'] as const) {
    const value = model[name];
    check(name, value, Number.isFinite(value) && value >= 0, 'a number from 0');
  }
  for (const { name, missing } of model.modalities) {
    check(`missing.${name}`, missing, missing >= 0 && missing <= 1, 'a probability from 0 to 1');
  }
}
