import { computeMetrics, type MetricReport } from '../../lib/metrics';

/** Metrics of hard predictions, written as logits. */
function classification(p: number[], t: number[], classes: number): MetricReport {
  const logits = p.flatMap((c) => Array.from({ length: classes }, (_, i) => (i === c ? 2.5 : -1)));
  return computeMetrics('classification', Float32Array.from(logits), Float32Array.from(t), classes);
}

test('agrees with scikit-learn', () => {
  // accuracy_score, f1_score(average='weighted' | 'macro') of scikit-learn 1.9.
  const p = [0, 2, 2, 2, 1, 1, 3, 0, 1, 0];
  const t = [0, 1, 2, 2, 1, 0, 3, 3, 1, 0];
  const { metrics, undefined: reasons } = classification(p, t, 4);
  expect(reasons).toEqual({});
  expect(metrics['Acc']).toBeCloseTo(0.7, 14);
  expect(metrics['F1_score']).toBeCloseTo(0.6933333333333332, 14);
  expect(metrics['Macro_F1_score']).toBeCloseTo(0.7, 14);
});

test('leaves a class that occurs nowhere out of the macro mean, not one that is only predicted', () => {
  // Class 2 is predicted but never true, class 3 is neither; values of scikit-learn 1.9.
  const { metrics } = classification([0, 2, 1, 0], [0, 0, 1, 1], 4);
  expect(metrics['Acc']).toBe(0.5);
  expect(metrics['F1_score']).toBeCloseTo(0.5833333333333333, 14);
  expect(metrics['Macro_F1_score']).toBeCloseTo(0.38888888888888884, 14);
});

test('takes the largest logit, the first of equals', () => {
  const logits = Float64Array.of(1, 3, 2, /* tie */ 4, 4, 0, /* all negative */ -3, -2, -1);
  const targets = Float32Array.of(1, 0, 2);
  expect(computeMetrics('classification', logits, targets, 3).metrics['Acc']).toBe(1);
});

test.each([
  ['no examples', [], [], 'no examples'],
  ['a NaN logit', [0, 1, NaN, 1], [1, 1], '1 of 4 predictions are NaN or infinite'],
  ['a NaN target', [0, 1, 1, 0], [1, NaN], '1 of 2 targets are NaN or infinite'],
])('%s leaves every metric undefined', (_, logits, targets, reason) => {
  const { metrics, undefined: reasons } = computeMetrics(
    'classification',
    Float32Array.from(logits),
    Float32Array.from(targets),
    2,
  );
  expect(metrics).toEqual({ Acc: null, F1_score: null, Macro_F1_score: null });
  expect(reasons).toEqual({ Acc: reason, F1_score: reason, Macro_F1_score: reason });
});
