import { uniformInt } from 'pure-rand/distribution/uniformInt';

import { keyedGenerator } from '../../data/random';
import { CmirError } from '../../errors';
import { average, largestSize } from './describe';
import { normalCdf, normalQuantile } from './normal';

/** Streams of their own, so that resamples of seeds and of examples with one seed are not alike. */
const KEYS = { mean: 0x6d65616e, paired: 0x70616972 } as const;
/** Above this share of resamples without a value, the rest no longer stands for all. */
const MOST_UNDEFINED = 0.05;
/** Means of a few values often equal the sample's but for rounding, relative to the largest value. */
const ROUNDING = 1e-14;

/** How often and from which seed it is resampled, and how wide the interval is. */
export interface BootstrapOptions {
  /** Default 0. The same seed gives the same resamples. */
  readonly seed?: number;
  /** Default 10000, at least 100. */
  readonly resamples?: number;
  /** Coverage in (0, 1). Default 0.95. */
  readonly level?: number;
}

/** An interval from resampling. */
export interface BootstrapInterval {
  /** Null with a `reason`. */
  readonly ci: readonly [low: number, high: number] | null;
  /** Why there is no interval; null where there is one. */
  readonly reason: string | null;
}

/** The difference of two models, first less second, with its interval. */
export interface PairedBootstrap extends BootstrapInterval {
  /** On all examples as they are. */
  readonly difference: number | null;
  /** Twice the smaller share of resamples, one added to both counts, on either side of 0: two-sided. */
  readonly p: number | null;
  /** Resamples in which the difference had no value. */
  readonly undefinedResamples: number;
}

/**
 * Bias-corrected and accelerated bootstrap interval (BCa; Efron 1987) of the mean. Null for less than two values, for
 * NaN or infinite ones, and for equal ones, whose resamples are all alike. With the usual five seeds it is narrower
 * than its level promises. Throws ERR_CMIR_USAGE for options out of range.
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  options: BootstrapOptions = {},
): BootstrapInterval {
  const { level } = checkOptions(options);
  const sample = Array.from(values);
  const reason = obstacleOf(sample);
  if (reason !== null) return { ci: null, reason };
  const means = meanResamples(sample, options).sort();
  const ci = accelerated(sample, means, level);
  if (ci.every(Number.isFinite)) return { ci, reason: null };
  return { ci: null, reason: 'the values overflow float64' };
}

/**
 * Means of resamples of `values`, in the order drawn: the distribution bootstrapMean takes its interval from.
 * @internal
 */
export function meanResamples(
  values: readonly number[],
  options: BootstrapOptions = {},
): Float64Array {
  const { seed, resamples } = checkOptions(options);
  const generator = keyedGenerator(seed, KEYS.mean);
  return Float64Array.from({ length: resamples }, () => {
    const draw = (): number => values[uniformInt(generator, 0, values.length - 1)] as number;
    return values.reduce((sum) => sum + draw(), 0) / values.length;
  });
}

/**
 * Bootstrap over the examples of one test set for the difference of two models' metric. `difference` gets row numbers
 * in [0, examples), with repeats, and returns the first model's metric on these rows less the second's, or null where
 * either is undefined; both models see the same rows, which pairs them. Its array is used again for the next
 * resample. Percentile interval. Null for less than two examples, a difference that is undefined on all examples, or
 * on more than 5 % of the resamples; others without a value are left out and counted. Of models that never differ the
 * interval is [0, 0] and p is 1. Throws ERR_CMIR_USAGE for options out of range.
 */
export function pairedBootstrap(
  examples: number,
  difference: (rows: Int32Array) => number | null,
  options: BootstrapOptions = {},
): PairedBootstrap {
  const { seed, resamples, level } = checkOptions(options);
  const none = { difference: null, ci: null, p: null, undefinedResamples: 0 };
  if (examples < 2) return { ...none, reason: 'less than two examples' };
  const rows = Int32Array.from({ length: examples }, (_, row) => row);
  const observed = finite(difference(rows));
  if (observed === null) return { ...none, reason: 'the difference is undefined' };
  const generator = keyedGenerator(seed, KEYS.paired);
  const found: number[] = [];
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let row = 0; row < examples; row += 1) rows[row] = uniformInt(generator, 0, examples - 1);
    const value = finite(difference(rows));
    if (value !== null) found.push(value);
  }
  const undefinedResamples = resamples - found.length;
  if (undefinedResamples > MOST_UNDEFINED * resamples) {
    const share = `${String(undefinedResamples)} of ${String(resamples)}`;
    const reason = `the difference is undefined in ${share} resamples`;
    return { ...none, difference: observed, undefinedResamples, reason };
  }
  const sorted = Float64Array.from(found).sort();
  const tail = (1 - level) / 2;
  const ci = [quantile(sorted, tail), quantile(sorted, 1 - tail)] as const;
  return { difference: observed, ci, p: twoSided(found), undefinedResamples, reason: null };
}

function checkOptions(options: BootstrapOptions): Required<BootstrapOptions> {
  const { seed = 0, resamples = 10_000, level = 0.95 } = options;
  const expect = (fits: boolean, name: string, value: number, expected: string): void => {
    if (fits) return;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `bootstrap, ${name}: found ${String(value)}, expected ${expected}`,
    );
  };
  expect(Number.isSafeInteger(seed) && seed >= 0, 'seed', seed, 'an integer of at least 0');
  const enough = Number.isSafeInteger(resamples) && resamples >= 100;
  expect(enough, 'resamples', resamples, 'an integer of at least 100');
  expect(level > 0 && level < 1, 'level', level, 'a number between 0 and 1');
  return { seed, resamples, level };
}

function obstacleOf(values: readonly number[]): string | null {
  if (values.length < 2) return 'less than two values';
  const bad = values.filter((value) => !Number.isFinite(value)).length;
  if (bad > 0) return `${String(bad)} of ${String(values.length)} values are NaN or infinite`;
  return values.every((value) => value === values[0]) ? 'all values are equal' : null;
}

/** The BCa interval of the mean of `sample` from its sorted bootstrap distribution. */
function accelerated(
  sample: readonly number[],
  sorted: Float64Array,
  level: number,
): readonly [number, number] {
  const centre = average(sample);
  const bias = normalQuantile(shareBelow(sorted, centre, ROUNDING * largestSize(sample)));
  // The jackknife's acceleration, from the deviations alone for a mean; the largest made 1, as it has no unit.
  const deviations = sample.map((value) => value - centre);
  const largest = largestSize(deviations);
  const power = (k: number): number => deviations.reduce((sum, d) => sum + (d / largest) ** k, 0);
  const acceleration = power(3) / (6 * power(2) ** 1.5);
  const end = (tail: number): number => {
    const z = bias + normalQuantile(tail);
    return quantile(sorted, normalCdf(bias + z / (1 - acceleration * z)));
  };
  return [end((1 - level) / 2), end((1 + level) / 2)];
}

/** Share of values below `centre`, those within `rounding` of it counted half. */
function shareBelow(values: Float64Array, centre: number, rounding: number): number {
  const below = values.filter((value) => value < centre - rounding).length;
  const atMost = values.filter((value) => value <= centre + rounding).length;
  return (below + atMost) / (2 * values.length);
}

/** Between the two nearest of the sorted values, linearly, as numpy.quantile. */
function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (at - below) * (high - low);
}

function twoSided(differences: readonly number[]): number {
  const notAbove = differences.filter((value) => value <= 0).length;
  const notBelow = differences.filter((value) => value >= 0).length;
  return Math.min(1, (2 * (Math.min(notAbove, notBelow) + 1)) / (differences.length + 1));
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
