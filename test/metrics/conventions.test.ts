import { CmirError } from '../../lib/errors';
import {
  computeConventions,
  computeMetric,
  computeMetrics,
  CONVENTIONS,
  roundMetric,
  type Convention,
  type MetricReport,
} from '../../lib/metrics';

const regression = (convention: Convention, p: number[], t: number[]): MetricReport =>
  computeMetrics('regression', Float64Array.from(p), Float64Array.from(t), 1, { convention });

describe('f1Legacy', () => {
  test('weighs by the predictions’ counts', () => {
    // Targets + + + -, predictions + + - -: F1 of + is 4/5, of - is 2/3.
    const [p, t] = [
      [1, 1, -1, -1],
      [1, 2, 3, -1],
    ];
    const { metrics } = regression('f1Legacy', p, t);
    expect(metrics['Non0_F1_score']).toBeCloseTo((2 / 4) * (4 / 5) + (2 / 4) * (2 / 3), 15);
    expect(metrics['Has0_F1_score']).toBe(metrics['Non0_F1_score']);
    expect(regression('mmsa', p, t).metrics['Non0_F1_score']).toBeCloseTo(0.7667, 4);
  });

  test('is F1 with targets and predictions swapped, all else MMSA’s', () => {
    const [p, t] = [
      [1, 0.4, -1, -2, -0.2, 3],
      [1, -2, 3, -1, 2, 2],
    ];
    const { metrics } = regression('f1Legacy', p, t);
    const mmsa = regression('mmsa', p, t).metrics;
    const swapped = regression('mmsa', t, p).metrics;
    for (const [name, value] of Object.entries(metrics)) {
      expect(value).toBe((name.endsWith('F1_score') ? swapped : mmsa)[name]);
    }
    expect(metrics['Has0_F1_score']).not.toBe(mmsa['Has0_F1_score']);
  });
});

describe('ithp and gal', () => {
  // A prediction of 0 counts as positive; the neutral target is left out.
  const [p, t] = [
    [0, 0, 2, 5],
    [1, -1, 1, 0],
  ];

  test('the same accuracy and F1, MAE and Corr without and with neutral targets', () => {
    const ithp = regression('ithp', p, t).metrics;
    const gal = regression('gal', p, t).metrics;
    expect(ithp).toEqual({
      Non0_acc_2: 2 / 3,
      Non0_F1_score: (2 / 3) * (4 / 5),
      MAE: 1,
      Corr: expect.closeTo(0.5, 14) as number,
    });
    expect(gal).toMatchObject({ Non0_acc_2: 2 / 3, Non0_F1_score: (2 / 3) * (4 / 5), MAE: 2 });
    expect(gal['Mult_acc_7']).toBe(0);
    expect(gal['Corr']).toBe(regression('mmsa', p, t).metrics['Corr']);
    expect(regression('mmsa', p, t).metrics['Non0_acc_2']).toBe(2 / 3);
    expect(regression('mmsa', [0, 0, 2, 5], [1, 1, 1, 0]).metrics['Non0_acc_2']).toBe(1 / 3);
    expect(regression('ithp', [0, 0, 2, 5], [1, 1, 1, 0]).metrics['Non0_acc_2']).toBe(1);
  });

  test('nothing but neutral targets', () => {
    const reason = 'every target is 0';
    expect(regression('ithp', [1, 2], [0, -0])).toEqual({
      metrics: { Non0_acc_2: null, Non0_F1_score: null, MAE: null, Corr: null },
      undefined: { Non0_acc_2: reason, Non0_F1_score: reason, MAE: reason, Corr: reason },
    });
    expect(regression('gal', [1, 2], [0, 0])).toEqual({
      metrics: { Non0_acc_2: null, Non0_F1_score: null, Mult_acc_7: 0, MAE: 1.5, Corr: null },
      undefined: { Non0_acc_2: reason, Non0_F1_score: reason, Corr: 'all targets are equal' },
    });
  });

  test('constant where it counts', () => {
    const { undefined: reasons } = regression('ithp', [1, 1, 7], [1, 2, 0]);
    expect(reasons).toEqual({ Corr: 'all predictions are equal where the target is not 0' });
  });
});

describe('sims', () => {
  const classes = (x: number): (number | null)[] =>
    ['Mult_acc_2', 'Mult_acc_3', 'Mult_acc_5'].map(
      (name) => regression('sims', [x], [-1]).metrics[name] ?? null,
    );

  test('intervals closed on the right', () => {
    // Against the lowest class of each: -0.7 is in it, above -0.7 not in that of five, above -0.1 in no more of three.
    expect(classes(-0.7)).toEqual([1, 1, 1]);
    expect(classes(-0.69)).toEqual([1, 1, 0]);
    expect(classes(-0.1)).toEqual([1, 1, 0]);
    expect(classes(-0.09)).toEqual([1, 0, 0]);
    expect(classes(0)).toEqual([1, 0, 0]);
    expect(classes(1e-30)).toEqual([0, 0, 0]);
    expect(classes(-9)).toEqual([1, 1, 1]);
  });

  test('cuts in float32', () => {
    // The float32 next to 0.1 is above 0.1, and not above itself.
    const at = Float32Array.of(0.1, 0.7, -0.1, -0.7);
    expect(at[0]).toBeGreaterThan(0.1);
    const below = Float32Array.of(0.05, 0.5, -0.5, -0.9);
    for (const p of [at, Float64Array.of(0.1, 0.7, -0.1, -0.7)]) {
      const { metrics } = computeMetrics('regression', p, below, 1, { convention: 'sims' });
      expect(metrics).toMatchObject({ Mult_acc_2: 1, Mult_acc_3: 1, Mult_acc_5: 1 });
    }
  });

  test('MAE and Corr of clipped values', () => {
    const { metrics } = regression('sims', [5, -0.5, 0.5], [1, -1.5, 0.5]);
    expect(metrics['MAE']).toBeCloseTo(0.5 / 3, 15);
    expect(metrics['Corr']).toBe(regression('mmsa', [1, -0.5, 0.5], [1, -1, 0.5]).metrics['Corr']);
  });

  test('constant after the clip', () => {
    const { metrics, undefined: reasons } = regression('sims', [2, 3], [1, 0]);
    expect(metrics).toMatchObject({ Mult_acc_2: 0.5, MAE: 0.5, Corr: null });
    expect(reasons).toEqual({ Corr: 'all predictions are equal after the clip to [-1, 1]' });
  });
});

describe('computeConventions', () => {
  const [p, t] = [Float32Array.of(1, -2, 0), Float32Array.of(0.5, -1, 0)];

  test('is every convention', () => {
    const all = computeConventions('regression', p, t, 1);
    expect(Object.keys(all)).toEqual(CONVENTIONS);
    for (const convention of CONVENTIONS) {
      expect(all[convention]).toEqual(computeMetrics('regression', p, t, 1, { convention }));
    }
    expect(computeMetrics('regression', p, t, 1)).toEqual(all.mmsa);
  });

  test('computeMetric is one of them', () => {
    for (const convention of CONVENTIONS) {
      const { metrics } = computeMetrics('regression', p, t, 1, { convention });
      for (const [name, value] of Object.entries(metrics)) {
        expect(computeMetric(name, 'regression', p, t, 1, { convention })).toBe(value);
      }
    }
  });
});

test.each([
  [
    'an unknown convention',
    () =>
      computeMetrics('regression', new Float32Array(1), new Float32Array(1), 1, {
        convention: 'MMSA' as 'mmsa',
      }),
    "found 'MMSA', expected one of mmsa, f1Legacy, ithp, gal, sims",
  ],
  [
    'a convention of classification',
    () =>
      computeMetrics('classification', new Float32Array(1), new Float32Array(1), 1, {
        convention: 'sims',
      }),
    "found 'sims', expected none for classification",
  ],
  [
    'all conventions of classification',
    () => computeConventions('classification', new Float32Array(1), new Float32Array(1), 1),
    'expected none for classification',
  ],
  [
    'a metric of another convention',
    () => computeMetric('Mult_acc_2', 'regression', new Float32Array(1), new Float32Array(1), 1),
    "found 'Mult_acc_2', expected one of Has0_acc_2",
  ],
])('refuses %s', (_, act, words) => {
  let found: unknown;
  try {
    act();
  } catch (error) {
    found = error;
  }
  expect(found).toBeInstanceOf(CmirError);
  expect((found as CmirError).code).toBe('ERR_CMIR_USAGE');
  expect((found as CmirError).message).toContain(words);
});

test('classification may name the default', () => {
  const of = (...options: { convention: 'mmsa' }[]): MetricReport =>
    computeMetrics('classification', Float32Array.of(0, 1), Float32Array.of(1), 2, ...options);
  expect(of({ convention: 'mmsa' })).toEqual(of());
});

test.each([
  [0.12345, 4, 0.1234],
  [0.00005, 4, 0],
  [0.00015, 4, 0.0001],
  [2.5, 0, 2],
  [1e305, 4, 1e305],
])('roundMetric(%p, %p) is %p', (value, decimals, expected) => {
  expect(roundMetric(value, decimals)).toBe(expected);
});
