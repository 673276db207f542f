import { computeMetrics, roundHalfEven, type MetricReport } from '../../lib/metrics';

const regression = (p: number[], t: number[]): MetricReport =>
  computeMetrics('regression', Float64Array.from(p), Float64Array.from(t), 1);

/** F1 of one class from precision and recall, not from counts as the library has it. */
function naiveF1(p: boolean[], t: boolean[], positive: boolean): number {
  const truePositives = p.filter((value, i) => value === positive && t[i] === positive).length;
  if (truePositives === 0) return 0;
  const precision = truePositives / p.filter((value) => value === positive).length;
  const recall = truePositives / t.filter((value) => value === positive).length;
  return (2 * precision * recall) / (precision + recall);
}

/** Every metric by its definition, one by one. */
function naive(p: number[], t: number[]): Record<string, number> {
  const share = (hits: boolean[]): number => hits.filter(Boolean).length / hits.length;
  const weighted = (a: boolean[], b: boolean[]): number =>
    share(b) * naiveF1(a, b, true) + (1 - share(b)) * naiveF1(a, b, false);
  const atLeast0 = (x: number): boolean => x >= 0;
  const above0 = (x: number): boolean => x > 0;
  const pairs = p.map((x, i) => [x, t[i] ?? NaN] as const);
  const signed = pairs.filter(([, y]) => y !== 0);
  const nearest = (x: number, limit: number): number => {
    const grades = Array.from({ length: 2 * limit + 1 }, (_, i) => i - limit);
    const distance = (grade: number): number => Math.abs(grade - x);
    const least = Math.min(...grades.map(distance));
    const ties = grades.filter((grade) => distance(grade) === least);
    return ties.find((grade) => ties.length === 1 || grade % 2 === 0) ?? NaN;
  };
  const n = p.length;
  const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
  const covariance = n * sum(pairs.map(([x, y]) => x * y)) - sum(p) * sum(t);
  const spread = (values: number[]): number => n * sum(values.map((x) => x * x)) - sum(values) ** 2;
  return {
    Has0_acc_2: share(pairs.map(([x, y]) => atLeast0(x) === atLeast0(y))),
    Has0_F1_score: weighted(p.map(atLeast0), t.map(atLeast0)),
    Non0_acc_2: share(signed.map(([x, y]) => above0(x) === above0(y))),
    Non0_F1_score: weighted(
      signed.map(([x]) => above0(x)),
      signed.map(([, y]) => above0(y)),
    ),
    Mult_acc_5: share(pairs.map(([x, y]) => nearest(x, 2) === nearest(y, 2))),
    Mult_acc_7: share(pairs.map(([x, y]) => nearest(x, 3) === nearest(y, 3))),
    MAE: sum(pairs.map(([x, y]) => Math.abs(x - y))) / n,
    Corr: covariance / Math.sqrt(spread(p) * spread(t)),
  };
}

test.each([
  [0.5, 0],
  [-0.5, 0],
  [1.5, 2],
  [-1.5, -2],
  [2.5, 2],
  [-2.5, -2],
  [0.49999999999999994, 0],
  [-0.51, -1],
  [2.51, 3],
  [-3, -3],
])('roundHalfEven(%p) is %p', (value, expected) => {
  expect(roundHalfEven(value) + 0).toBe(expected);
});

test('agrees with NumPy and scikit-learn', () => {
  // np.rint, np.clip, np.corrcoef, accuracy_score, f1_score(average='weighted') of scikit-learn 1.9, float64.
  const p = [0.5, -0.5, 1.5, 2.5, -2.5, -3.6, 0, 0.2, -0.1, 3.4, 1.2, -1.5];
  const t = [0, -1, 1, 2, -3, -3, -0.4, 0, 1.6, 2.6, 1.8, -2];
  const { metrics, undefined: reasons } = regression(p, t);
  expect(reasons).toEqual({});
  const expected = {
    Has0_acc_2: 0.8333333333333334,
    Has0_F1_score: 0.8333333333333334,
    Non0_acc_2: 0.9,
    Non0_F1_score: 0.898989898989899,
    Mult_acc_5: 0.6666666666666666,
    Mult_acc_7: 0.5833333333333334,
    MAE: 0.6083333333333334,
    Corr: 0.9319744076436126,
  };
  expect(Object.keys(metrics)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected))
    expect(metrics[name]).toBeCloseTo(value, 14);
});

test('agrees with the definitions on many draws', () => {
  // Multiples of 1/4 in [-4, 4]: halves, zeros and values beyond the clip all occur.
  let state = 1;
  const draw = (): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * 33) / 4 - 4;
  };
  for (let round = 0; round < 50; round += 1) {
    const t = Array.from({ length: 40 }, draw);
    const p = t.map((value) => (value + draw()) / 2);
    const { metrics } = regression(p, t);
    for (const [name, value] of Object.entries(naive(p, t))) {
      expect(metrics[name]).toBeCloseTo(value, 12);
    }
  }
});

describe('by hand', () => {
  test('grades round halves to even after the clip', () => {
    // 0.5 -> 0, -0.5 -> 0, 2.5 -> 2, -2.5 -> -2 in seven grades; Math.round would give 1, 0, 3, -2.
    const { metrics } = regression([0.5, -0.5, 2.5, -2.5], [0, 0, 2, -2]);
    expect(metrics['Mult_acc_7']).toBe(1);
    // 3.5 is clipped to 3 before it could round to 4; 2.5 is clipped to 2 in five grades.
    expect(regression([3.5, -9], [3, -3]).metrics['Mult_acc_7']).toBe(1);
    expect(regression([2.5, -9, 1.5], [3, -2, 1.4]).metrics['Mult_acc_5']).toBe(2 / 3);
  });

  test('a prediction of 0 is not negative with zeros, not positive without', () => {
    const { metrics } = regression([0, 0], [1, -1]);
    expect(metrics['Has0_acc_2']).toBe(0.5);
    expect(metrics['Non0_acc_2']).toBe(0.5);
    expect(regression([0, 0], [1, 2]).metrics).toMatchObject({ Has0_acc_2: 1, Non0_acc_2: 0 });
    expect(regression([-0, 0], [-1, -2]).metrics).toMatchObject({ Has0_acc_2: 0, Non0_acc_2: 1 });
  });

  test('F1 weighs by the targets’ support', () => {
    // Targets + + + -, predictions + + - -: F1 of + is 4/5, of - is 2/3.
    const { metrics } = regression([1, 1, -1, -1], [1, 2, 3, -1]);
    expect(metrics['Non0_F1_score']).toBeCloseTo((3 / 4) * (4 / 5) + (1 / 4) * (2 / 3), 15);
    expect(metrics['Has0_F1_score']).toBe(metrics['Non0_F1_score']);
  });

  test('MAE and Corr take values as they are', () => {
    const { metrics } = regression([10, -10], [1, -1]);
    expect(metrics['MAE']).toBe(9);
    expect(metrics['Corr']).toBeCloseTo(1, 15);
    expect(metrics['Corr']).toBeLessThanOrEqual(1);
    expect(regression([1, 2, 3], [3, 2, 1]).metrics['Corr']).toBeCloseTo(-1, 15);
  });
});

describe('undefined metrics', () => {
  test('only targets of 0', () => {
    const { metrics, undefined: reasons } = regression([1, -1], [0, 0]);
    expect(metrics).toMatchObject({
      Has0_acc_2: 0.5,
      Non0_acc_2: null,
      Non0_F1_score: null,
      MAE: 1,
    });
    expect(reasons).toEqual({
      Non0_acc_2: 'every target is 0',
      Non0_F1_score: 'every target is 0',
      Corr: 'all targets are equal',
    });
  });

  test('constant predictions, also one whose mean rounds', () => {
    for (const constant of [0, 0.1, 1e30]) {
      const { metrics, undefined: reasons } = regression([constant, constant, constant], [1, 2, 4]);
      expect(metrics['Corr']).toBeNull();
      expect(reasons).toEqual({ Corr: 'all predictions are equal' });
    }
  });

  test('a single example', () => {
    expect(regression([1], [2]).undefined).toEqual({ Corr: 'all predictions are equal' });
  });

  test.each([
    ['no examples', [], [], 'no examples'],
    ['NaN predictions', [1, NaN, NaN], [1, 2, 3], '2 of 3 predictions are NaN or infinite'],
    ['an infinite prediction', [1, -Infinity], [1, 2], '1 of 2 predictions are NaN or infinite'],
    ['a NaN target', [1, 2], [1, NaN], '1 of 2 targets are NaN or infinite'],
  ])('%s', (_, p, t, reason) => {
    const { metrics, undefined: reasons } = regression(p, t);
    expect(Object.keys(metrics)).toHaveLength(8);
    expect(Object.values(metrics)).toEqual(Array(8).fill(null));
    expect(reasons).toEqual(Object.fromEntries(Object.keys(metrics).map((name) => [name, reason])));
  });

  test('values that overflow', () => {
    const { metrics, undefined: reasons } = regression([1.5e308, 1.4e308], [1, -1]);
    expect(metrics).toMatchObject({ Has0_acc_2: 0.5, MAE: null, Corr: null });
    const reason = 'the values overflow float64';
    expect(reasons).toEqual({ MAE: reason, Corr: reason });
  });

  test('but squares do not', () => {
    for (const scale of [1e-200, 1e200]) {
      const { metrics } = regression([scale, 2 * scale, 4 * scale], [1, 2, 4]);
      expect(metrics['Corr']).toBeCloseTo(1, 14);
    }
  });
});

test('takes float32 predictions', () => {
  const { metrics } = computeMetrics(
    'regression',
    Float32Array.of(0.1, 2),
    Float32Array.of(0.1, 1),
    1,
  );
  expect(metrics).toMatchObject({ MAE: 0.5, Has0_acc_2: 1 });
});
