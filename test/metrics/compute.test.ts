import { CmirError } from '../../lib/errors';
import {
  baselineMetrics,
  computeMetrics,
  CONVENTIONS,
  metricDirection,
  metricNames,
  METRICS,
} from '../../lib/metrics';

function errorOf(act: () => unknown): CmirError {
  try {
    act();
  } catch (error) {
    if (error instanceof CmirError) return error;
    throw error;
  }
  throw new Error('expected a CmirError, nothing was thrown');
}

describe('the table', () => {
  const empty = new Float32Array(0);

  test.each(CONVENTIONS)('has a row for every metric of %s, in order', (convention) => {
    const names = METRICS.filter((row) => row.convention === convention).map(({ name }) => name);
    const { metrics } = computeMetrics('regression', empty, empty, 1, { convention });
    expect(Object.keys(metrics)).toEqual(names);
    expect(metricNames('regression', { convention })).toEqual(names);
  });

  test('has a row for every metric of classification, in order', () => {
    const rows = METRICS.filter(({ task }) => task === 'classification');
    const names = rows.map(({ name }) => name);
    expect(Object.keys(computeMetrics('classification', empty, empty, 1).metrics)).toEqual(names);
    expect(metricNames('classification')).toEqual(names);
    expect(rows.every(({ convention }) => convention === null)).toBe(true);
  });

  test('says of each what it is', () => {
    for (const { formula, source, description } of METRICS) {
      for (const text of [formula, source, description]) expect(text).not.toBe('');
    }
    const keys = METRICS.map(({ name, task, convention }) => [task, convention, name].join());
    expect(new Set(keys).size).toBe(METRICS.length);
    // Two conventions' rows of one name that say the same must be the same, and the other way round.
    for (const a of METRICS) {
      for (const b of METRICS) {
        if (a.task !== b.task || a.name !== b.name) continue;
        expect(a.formula === b.formula).toBe(a.description === b.description);
      }
    }
  });

  test('metricDirection', () => {
    expect(metricDirection('MAE')).toBe('lower');
    for (const { name } of METRICS.filter((row) => row.name !== 'MAE')) {
      expect(metricDirection(name)).toBe('higher');
    }
    const error = errorOf(() => metricDirection('MEA'));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toBe(
      "unknown metric 'MEA', expected one of Has0_acc_2, Has0_F1_score, Non0_acc_2, Non0_F1_score, " +
        'Mult_acc_5, Mult_acc_7, MAE, Corr, Mult_acc_2, Mult_acc_3, F1_score, Acc, Macro_F1_score; ' +
        "did you mean 'MAE'?",
    );
  });
});

describe('computeMetrics refuses', () => {
  test.each([
    ['regression', 2, 3, 1],
    ['regression', 4, 2, 2],
    ['classification', 5, 2, 3],
    ['classification', 0, 0, 0],
    ['classification', 3, 2, 1.5],
  ] as const)('%s of %p predictions, %p targets, %p outputs', (task, p, t, outputs) => {
    const error = errorOf(() =>
      computeMetrics(task, new Float32Array(p), new Float32Array(t), outputs),
    );
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(
      `found ${String(p)} predictions for ${String(t)} targets and ${String(outputs)} outputs`,
    );
  });

  test.each([3, -1, 0.5])('the class %p of three', (target) => {
    const error = errorOf(() =>
      computeMetrics('classification', new Float32Array(6), Float32Array.of(0, target), 3),
    );
    expect(error.code).toBe('ERR_CMIR_MISMATCH');
    expect(error.message).toBe(
      `targets, row 1: found class ${String(target)}, expected an index from 0 to 2, one of the model's classes`,
    );
  });
});

describe('baselineMetrics', () => {
  test('predicts the training median', () => {
    const odd = baselineMetrics('regression', Float32Array.of(3, -1, 1), Float32Array.of(2, -2));
    expect(odd.prediction).toBe(1);
    expect(odd.rule).toBe('median of the training targets');
    expect(odd.metrics).toMatchObject({ MAE: 2, Has0_acc_2: 0.5, Corr: null });
    expect(odd.undefined).toEqual({ Corr: 'all predictions are equal' });
    const even = baselineMetrics(
      'regression',
      Float32Array.of(10, -1, 2, -5),
      Float32Array.of(0, 1),
    );
    expect(even.prediction).toBe(0.5);
  });

  test('takes a convention', () => {
    const train = Float32Array.of(0.5);
    const test = Float32Array.of(0, 2);
    const of = (convention: 'ithp' | 'sims'): unknown =>
      baselineMetrics('regression', train, test, { convention }).metrics['MAE'];
    expect([of('ithp'), of('sims')]).toEqual([1.5, 0.5]);
    const none = baselineMetrics('regression', new Float32Array(0), test, { convention: 'gal' });
    expect(Object.keys(none.undefined)).toContain('Mult_acc_7');
  });

  test('predicts the most frequent training class, the first of equals', () => {
    const train = Float32Array.of(2, 1, 1, 2, 0);
    const { prediction, rule, metrics } = baselineMetrics(
      'classification',
      train,
      Float32Array.of(1, 1, 3, 2),
    );
    expect(prediction).toBe(1);
    expect(rule).toBe('most frequent class of the training targets');
    expect(metrics['Acc']).toBe(0.5);
    expect(metrics['F1_score']).toBeCloseTo(0.5 * (2 / 3), 15);
    expect(baselineMetrics('classification', Float32Array.of(2, 2, 0), train).prediction).toBe(2);
  });

  test('is undefined without training targets', () => {
    const none = baselineMetrics('classification', new Float32Array(0), Float32Array.of(1));
    expect(none.prediction).toBeNull();
    expect(none.metrics).toEqual({ Acc: null, F1_score: null, Macro_F1_score: null });
    expect(none.undefined['Acc']).toBe('no training targets');
  });

  test('is undefined on an empty or broken test set', () => {
    const train = Float32Array.of(0, 1, 1);
    expect(baselineMetrics('regression', train, new Float32Array(0)).undefined['MAE']).toBe(
      'no examples',
    );
    expect(baselineMetrics('classification', train, Float32Array.of(NaN)).undefined['Acc']).toBe(
      '1 of 1 targets are NaN or infinite',
    );
  });

  test.each([-1, 1.5, NaN])('refuses the training class %p', (target) => {
    const act = (): unknown =>
      baselineMetrics('classification', Float32Array.of(0, target), Float32Array.of(0));
    expect(errorOf(act).code).toBe('ERR_CMIR_MISMATCH');
  });
});
