import { uniformInt } from 'pure-rand/distribution/uniformInt';
import * as path from 'node:path';

import { keyedGenerator, normalSource } from '../../../lib/data/random';
import {
  bootstrapMean,
  holm,
  mean,
  pairedTTest,
  standardDeviation,
  wilcoxonSignedRank,
} from '../../../lib/experiments/statistics';
import { meanResamples } from '../../../lib/experiments/statistics/bootstrap';
import {
  normalCdf,
  normalQuantile,
  normalTwoSided,
} from '../../../lib/experiments/statistics/normal';
import { studentTwoSided } from '../../../lib/experiments/statistics/student';
import { makeFolder, removeFolders } from '../../data/fixture';
import { findPython } from '../../helpers/python';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

const generator = keyedGenerator(1, 2);
const normal = normalSource(generator);
const list = <T>(length: number, make: (index: number) => T): T[] =>
  Array.from({ length }, (_, i) => make(i));

/** Values of two methods: as drawn, in halves or signs (zeros and ties occur), tiny, huge. */
const ROUNDINGS: ((value: number) => number)[] = [
  (value) => value,
  (value) => Math.round(value * 2) / 2,
  (value) => Math.sign(value),
  (value) => value * 1e-100,
  (value) => value * 1e100,
];
const pairs = [...list(24, (i) => i + 2), 26, 40, 300]
  .flatMap((n) =>
    ROUNDINGS.map((round) => ({
      first: list(n, () => round(normal() + 0.4)),
      second: list(n, () => round(normal())),
    })),
  )
  .filter(({ first, second }) => new Set(first.map((x, i) => x - (second[i] as number))).size > 1);

const cases = {
  pairs,
  student: [1, 2, 3, 4, 5, 9, 10, 24, 49, 200, 999, 4658, 100_000].flatMap((df) =>
    [0, 0.01, 0.5, 1, 1.7, -2, 2.5, 3, 5, 12, 40, 1e5].map((t) => [t, df] as const),
  ),
  normal: [0, 1e-9, 0.3, 1, -1.96, 2.8, 2.83, 3, 5, 12, 37],
  quantile: [1e-20, 1e-5, 0.025, 0.3, 0.5, 0.8, 0.975, 1 - 1e-6],
  bootstrap: list(12, (i) => {
    // Exact in binary, so that means that equal the sample's are not told apart by rounding.
    const values = list(2 + 2 * i, () => Math.round(64 * Math.exp(normal())) / 64);
    const options = { seed: i, resamples: 999 + i, level: i % 2 === 0 ? 0.95 : 0.8 };
    return { values, options, level: options.level, means: [...meanResamples(values, options)] };
  }),
  holm: list(20, (i) => list(i, () => uniformInt(generator, 0, 40) / 400)),
};

interface Reference {
  readonly t: readonly { t: number; p: number }[];
  readonly wilcoxon: readonly { n: number; w: number; p: number }[];
  readonly describe: readonly { mean: number; std: number }[];
  readonly student: readonly number[];
  readonly normal: readonly number[];
  readonly quantile: readonly number[];
  readonly bootstrap: readonly (readonly [number, number])[];
  readonly holm: readonly (readonly number[])[];
}

/** Largest difference, over the size of the expected value where that is above `floor`. */
function worst(found: readonly (number | null)[], expected: readonly number[], floor = 0): number {
  expect(found).toHaveLength(expected.length);
  expect(found.length).toBeGreaterThan(5);
  const errors = expected.map((value, i) => {
    const error = Math.abs((found[i] ?? NaN) - value);
    return error === 0 ? 0 : error / Math.max(Math.abs(value), floor);
  });
  expect(errors.every(Number.isFinite)).toBe(true);
  return Math.max(...errors);
}

describeWithPython('scipy agrees', () => {
  let reference: Reference;
  beforeAll(() => {
    const folder = makeFolder({ 'cases.json': JSON.stringify(cases) });
    const script = path.join('test', 'python', 'statistics_reference.py');
    reference = JSON.parse(python?.run([script, folder]) ?? '') as Reference;
  });
  afterAll(removeFolders);

  test('on P(|T| >= t)', () => {
    const found = cases.student.map(([t, df]) => studentTwoSided(t, df));
    expect(worst(found, reference.student)).toBeLessThan(1e-11);
  });

  test('on the normal distribution and its quantiles', () => {
    expect(worst(cases.normal.map(normalTwoSided), reference.normal)).toBeLessThan(1e-12);
    expect(worst(cases.quantile.map(normalQuantile), reference.quantile, 1)).toBeLessThan(1e-9);
    for (const p of cases.quantile) {
      expect(Math.abs(normalCdf(normalQuantile(p)) / p - 1)).toBeLessThan(1e-12);
    }
  });

  test('on mean and standard deviation', () => {
    const firsts = pairs.map(({ first }) => first);
    const means = reference.describe.map((row) => row.mean);
    const spread = reference.describe.map((row) => row.std);
    // A mean near 0 is as exact as the values that cancel in it.
    const over = (values: readonly (number | null)[]): number[] =>
      values.map((value, i) => (value ?? NaN) / Math.max(...(firsts[i] ?? []).map(Math.abs)));
    expect(worst(over(firsts.map(mean)), over(means), 1)).toBeLessThan(1e-14);
    expect(worst(over(firsts.map(standardDeviation)), over(spread), 1)).toBeLessThan(1e-14);
  });

  test('on the paired t-test', () => {
    const found = pairs.map(({ first, second }) => pairedTTest(first, second));
    expect(found.every(({ reason }) => reason === null)).toBe(true);
    const t = reference.t.map((row) => row.t);
    const p = reference.t.map((row) => row.p);
    expect(
      worst(
        found.map((row) => row.t),
        t,
        1,
      ),
    ).toBeLessThan(1e-12);
    expect(
      worst(
        found.map((row) => row.p),
        p,
      ),
    ).toBeLessThan(1e-10);
  });

  test('on the signed-rank test, with zeros and ties', () => {
    const found = pairs.map(({ first, second }) => wilcoxonSignedRank(first, second));
    expect(found.map(({ n, w }) => ({ n, w }))).toEqual(
      reference.wilcoxon.map(({ n, w }) => ({ n, w })),
    );
    const methods = found.map(({ method }) => method);
    expect(methods).toEqual(reference.wilcoxon.map(({ n }) => (n <= 25 ? 'exact' : 'normal')));
    const p = reference.wilcoxon.map((row) => row.p);
    expect(
      worst(
        found.map((row) => row.p),
        p,
      ),
    ).toBeLessThan(1e-12);
  });

  test('on the BCa interval of the same resamples', () => {
    const ends = cases.bootstrap.flatMap(({ values, options }) => {
      const { ci, reason } = bootstrapMean(values, options);
      expect(reason).toBeNull();
      return ci ?? [];
    });
    expect(worst(ends, reference.bootstrap.flat())).toBeLessThan(1e-9);
  });

  test('on Holm’s correction, by its definition', () => {
    const found = cases.holm.flatMap(holm);
    expect(worst(found, reference.holm.flat())).toBeLessThan(1e-14);
  });
});
