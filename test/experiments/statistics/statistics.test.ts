import { keyedGenerator, normalSource } from '../../../lib/data/random';
import { computeMetrics, METRICS } from '../../../lib/metrics';
import {
  bootstrapMean,
  bootstrapMetric,
  definedPairs,
  holm,
  mean,
  pairedBootstrap,
  pairedTTest,
  standardDeviation,
  wilcoxonSignedRank,
} from '../../../lib/experiments/statistics';
import { errorOf } from '../../data/fixture';

describe('mean and standardDeviation', () => {
  test('leave nulls out', () => {
    expect(mean([1, null, 4])).toBe(2.5);
    expect(standardDeviation([1, null, 4])).toBeCloseTo(Math.sqrt(4.5), 15);
    expect(mean(Float64Array.of(1, 2))).toBe(1.5);
  });

  test.each([
    [[], null, null],
    [[null], null, null],
    [[7], 7, null],
    [[0.1, 0.1, 0.1], 0.1, 0],
    [[1, NaN], null, null],
    [[1, Infinity], null, null],
    [[1.5e308, 1.5e308], null, null],
  ] as const)('of %p: %p and %p', (values, m, s) => {
    expect(mean(values)).toBe(m);
    expect(standardDeviation(values)).toBe(s);
  });
});

test('definedPairs leaves out pairs with a null', () => {
  expect(definedPairs([1, null, 3, 4], [5, 6, null, 8])).toEqual({ first: [1, 4], second: [5, 8] });
});

describe('paired tests', () => {
  test('by hand', () => {
    // Differences 1, 2, 3: mean 2, standard error 1 / sqrt(3); with two degrees p = 1 - t / sqrt(2 + t^2).
    const { n, t, p, reason } = pairedTTest([2, 4, 6], [1, 2, 3]);
    expect([n, reason]).toEqual([3, null]);
    expect(t).toBeCloseTo(Math.sqrt(12), 14);
    expect(p).toBeCloseTo(1 - Math.sqrt(12 / 14), 14);
    // All eight sign patterns are as likely; two are as extreme.
    const ranks = { n: 3, w: 6, p: 0.25, method: 'exact', reason: null };
    expect(wilcoxonSignedRank([2, 4, 6], [1, 2, 3])).toEqual(ranks);
    expect(wilcoxonSignedRank([1, 2, 3], [2, 4, 6])).toEqual({ ...ranks, w: 0 });
    // Differences 0, 1, -1, 1: ranks 2, 2, 2; W is 4, and 4 or more, or 2 or less, are all eight patterns.
    expect(wilcoxonSignedRank([5, 1, 0, 1], [5, 0, 1, 0])).toEqual({ ...ranks, w: 4, p: 1 });
  });

  test.each([
    [[], [], 'less than two pairs'],
    [[1], [2], 'less than two pairs'],
    [[1, NaN, 3], [1, 2, 4], '1 of 3 differences are NaN or infinite'],
    [[1, Infinity], [2, Infinity], '1 of 2 differences are NaN or infinite'],
    [[1.7e308, 0], [-1.7e308, 1], '1 of 2 differences are NaN or infinite'],
    [[1, 2, 3], [1, 2, 3], 'all differences are 0'],
  ])('%p against %p: %s', (first, second, reason) => {
    expect(pairedTTest(first, second)).toEqual({ n: first.length, t: null, p: null, reason });
    const none = { n: 0, w: null, p: null, method: 'exact', reason };
    expect(wilcoxonSignedRank(first, second)).toEqual(none);
  });

  test('equal differences, also but for rounding', () => {
    const reason = 'all differences are equal';
    const steps = [0.1, 0.2, 0.3, 0.7];
    for (const [first, second] of [
      [
        [2, 3],
        [1, 2],
      ],
      [steps.map((x) => x + 0.1), steps],
    ] as const) {
      const found = pairedTTest(first, second);
      expect(found).toEqual({ n: first.length, t: null, p: null, reason });
      expect(wilcoxonSignedRank(first, second).p).toBe(2 / 2 ** first.length);
    }
  });

  test('tiny and huge values have the p of others', () => {
    const [first, second] = [
      [0, 2, 1, 5],
      [0, 0, 2, 1],
    ];
    const { p } = pairedTTest(first, second);
    for (const scale of [1e-300, 1e300]) {
      const by = (values: readonly number[]): number[] => values.map((value) => value * scale);
      expect(pairedTTest(by(first), by(second)).p).toBeCloseTo(p as number, 12);
    }
  });

  test('refuse lengths that differ', async () => {
    for (const act of [pairedTTest, wilcoxonSignedRank, definedPairs]) {
      const error = await errorOf(() => act([1, 2, 3], [1, 2]));
      expect(error.code).toBe('ERR_CMIR_USAGE');
      expect(error.message).toContain('found 3 of the first and 2 of the second');
    }
  });
});

describe('holm', () => {
  test('by hand, nulls apart', () => {
    expect(holm([0.01, null, 0.04, 0.03])).toEqual([0.03, null, 0.06, 0.06]);
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
    expect(holm([])).toEqual([]);
    expect(holm([null])).toEqual([null]);
    expect(holm([0, 1])).toEqual([0, 1]);
  });

  test.each([NaN, -0.1, 1.1])('refuses %p', async (p) => {
    const error = await errorOf(() => holm([0.5, p]));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(`p-value 1: found ${String(p)}`);
  });
});

describe('bootstrapMean', () => {
  test('is the same for the same seed, and about as wide as theory says', () => {
    const normal = normalSource(keyedGenerator(3, 3));
    const values = Array.from({ length: 400 }, () => 5 + 2 * normal());
    const { ci } = bootstrapMean(values);
    expect(bootstrapMean(values, { seed: 0 }).ci).toEqual(ci);
    expect(bootstrapMean(values, { seed: 1 }).ci).not.toEqual(ci);
    const half = (1.96 * (standardDeviation(values) as number)) / 20;
    const centre = mean(values) as number;
    expect(Math.abs((ci?.[0] as number) - (centre - half))).toBeLessThan(0.1 * half);
    expect(Math.abs((ci?.[1] as number) - (centre + half))).toBeLessThan(0.1 * half);
  });

  test.each([
    [[], 'less than two values'],
    [[1], 'less than two values'],
    [[1, NaN, Infinity], '2 of 3 values are NaN or infinite'],
    [[0.1, 0.1, 0.1], 'all values are equal'],
    [[1.7e308, 1.6e308], 'the values overflow float64'],
  ])('of %p: %s', (values, reason) => {
    expect(bootstrapMean(values)).toEqual({ ci: null, reason });
  });

  test('has no unit', () => {
    const values = [1, 2, 4, 8];
    const { ci } = bootstrapMean(values);
    const tiny = bootstrapMean(values.map((value) => value * 2 ** -700)).ci;
    expect(tiny?.map((end) => end * 2 ** 700)).toEqual(ci);
  });

  test.each([
    [{ seed: -1 }, 'seed: found -1'],
    [{ seed: 0.5 }, 'seed: found 0.5'],
    [{ resamples: 99 }, 'resamples: found 99'],
    [{ resamples: NaN }, 'resamples: found NaN'],
    [{ level: 0 }, 'level: found 0'],
    [{ level: 1 }, 'level: found 1'],
  ])('refuses %p', async (options, words) => {
    for (const act of [
      () => bootstrapMean([1, 2], options),
      () => pairedBootstrap(3, () => 1, options),
    ]) {
      const error = await errorOf(act);
      expect(error.code).toBe('ERR_CMIR_USAGE');
      expect(error.message).toContain(words);
    }
  });
});

describe('pairedBootstrap', () => {
  const normal = normalSource(keyedGenerator(4, 4));
  const difficulty = Array.from({ length: 300 }, () => 3 * normal());
  const gaps = difficulty.map(() => 0.3 + normal());
  const meanOf = (values: readonly number[], rows: Int32Array): number =>
    rows.reduce((sum, row) => sum + (values[row] as number), 0) / rows.length;

  test('pairs: what both models share cancels', () => {
    const first = difficulty.map((value, row) => value + (gaps[row] as number));
    const found = pairedBootstrap(300, (rows) => meanOf(first, rows) - meanOf(difficulty, rows));
    const centre = mean(gaps) as number;
    const half = (1.96 * (standardDeviation(gaps) as number)) / Math.sqrt(300);
    expect(found.difference).toBeCloseTo(centre, 12);
    expect(Math.abs((found.ci?.[0] as number) - (centre - half))).toBeLessThan(0.1 * half);
    expect(Math.abs((found.ci?.[1] as number) - (centre + half))).toBeLessThan(0.1 * half);
    expect(found).toMatchObject({ undefinedResamples: 0, reason: null });
    expect(found.p).toBeLessThan(0.001);
  });

  test('p is that of the t-test where that holds', () => {
    const weak = gaps.map((gap) => gap - 0.23);
    const options = { resamples: 4000, seed: 8 };
    const { p } = pairedBootstrap(300, (rows) => meanOf(weak, rows), options);
    const expected = pairedTTest(weak, new Float64Array(300)).p as number;
    expect(expected).toBeGreaterThan(0.02);
    expect(Math.abs((p as number) - expected)).toBeLessThan(0.02);
    expect(pairedBootstrap(300, (rows) => -meanOf(weak, rows), options).p).toBe(p);
  });

  test('models that never differ', () => {
    const found = pairedBootstrap(5, () => 0);
    expect(found).toEqual({
      difference: 0,
      ci: [0, 0],
      p: 1,
      undefinedResamples: 0,
      reason: null,
    });
  });

  test('a difference that is undefined', () => {
    const none = { difference: null, ci: null, p: null, undefinedResamples: 0 };
    expect(pairedBootstrap(1, () => 1)).toEqual({ ...none, reason: 'less than two examples' });
    for (const value of [null, NaN, Infinity]) {
      const reason = 'the difference is undefined';
      expect(pairedBootstrap(3, () => value)).toEqual({ ...none, reason });
    }
    // Undefined where row 0 is not drawn: 30 % of the resamples of three rows.
    const often = pairedBootstrap(3, (rows) => (rows.includes(0) ? 1 : null), { resamples: 1000 });
    expect(often).toMatchObject({ difference: 1, ci: null, p: null });
    expect(Math.abs(often.undefinedResamples - 1000 * (2 / 3) ** 3)).toBeLessThan(60);
    expect(often.reason).toBe(
      `the difference is undefined in ${String(often.undefinedResamples)} of 1000 resamples`,
    );
    // Undefined where all rows are one: 1 in 64 of the resamples of four rows.
    const rare = pairedBootstrap(4, (rows) =>
      new Set(rows).size > 1 ? (rows[0] as number) : null,
    );
    expect(rare.reason).toBeNull();
    expect(rare.undefinedResamples).toBeGreaterThan(50);
    expect(rare.ci).toEqual([0, 3]);
  });
});

describe('bootstrapMetric', () => {
  const normal = normalSource(keyedGenerator(5, 5));
  const draw = (n: number): Float32Array => Float32Array.from({ length: n }, () => 2 * normal());
  const targets = draw(200);
  const first = targets.map((target) => target + 0.5 * normal());
  const second = targets.map((target) => target + normal());
  const models = { task: 'regression', outputs: 1, targets, first, second } as const;
  const options = { resamples: 200, seed: 3 };

  test.each(METRICS.filter(({ task }) => task === 'regression'))(
    'is the difference of two reports: $convention, $name',
    ({ name, convention }) => {
      const conventionOf = convention === null ? {} : { convention };
      const value = (p: Float32Array, rows: Int32Array): number => {
        const pick = (values: Float32Array): Float32Array =>
          Float32Array.from(rows, (row) => values[row] as number);
        const args = [pick(p), pick(targets), 1, conventionOf] as const;
        return computeMetrics('regression', ...args).metrics[name] as number;
      };
      expect(bootstrapMetric(models, name, { ...options, ...conventionOf })).toEqual(
        pairedBootstrap(200, (rows) => value(first, rows) - value(second, rows), options),
      );
    },
  );

  test('tells the better model', () => {
    const { difference, ci, p } = bootstrapMetric(models, 'MAE', { resamples: 1000 });
    expect(difference).toBeLessThan(-0.3);
    expect(ci?.[1]).toBeLessThan(0);
    expect(p).toBeLessThan(0.01);
  });

  test('keeps the logits of an example together', () => {
    const logits = Float32Array.of(...[2, 0, 0], ...[0, 2, 0], ...[0, 0, 2], ...[2, 0, 0]);
    const common = { task: 'classification', outputs: 3, first: logits } as const;
    const targets = Float32Array.of(0, 1, 2, 0);
    // Backwards the predictions are 2, 0, 1, 2: wrong in every example, and so in every resample.
    const reversed = bootstrapMetric({ ...common, targets, second: logits.toReversed() }, 'Acc');
    expect(reversed).toMatchObject({ difference: 1, ci: [1, 1] });
    const same = bootstrapMetric({ ...common, targets, second: logits.map((x) => 3 * x) }, 'Acc');
    expect(same).toMatchObject({ difference: 0, ci: [0, 0], p: 1 });
  });

  test('is undefined where a metric is', () => {
    const constant = { ...models, second: new Float32Array(200) };
    expect(bootstrapMetric(constant, 'Corr', options).reason).toBe('the difference is undefined');
    const empty = new Float32Array(0);
    const none = { ...models, targets: empty, first: empty, second: empty };
    expect(bootstrapMetric(none, 'MAE', options).reason).toBe('less than two examples');
  });

  test.each([
    [{}, 'Acc', {}, "found 'Acc', expected one of Has0_acc_2"],
    [{}, 'Has0_acc_2', { convention: 'ithp' }, "found 'Has0_acc_2', expected one of Non0_acc_2"],
    [{ first: new Float32Array(3) }, 'MAE', {}, 'found 3 predictions for 200 targets'],
    [{ second: new Float32Array(201) }, 'MAE', {}, 'found 201 predictions for 200 targets'],
  ] as const)('refuses %p, %s', async (change, metric, extra, words) => {
    const error = await errorOf(() => bootstrapMetric({ ...models, ...change }, metric, extra));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(words);
  });
});
