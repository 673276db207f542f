import { accuracy, confusionOf, weightedF1, type Confusion } from './confusion';
import type { FloatArray, MetricRow, Outcome } from './metric';

export interface RegressionMetric extends MetricRow {
  readonly task: 'regression';
  /** Both finite, of the same length, not empty. */
  compute(predictions: FloatArray, targets: FloatArray): Outcome;
}

const SOURCE = 'MMSA, src/MMSA/utils/metricsTop.py, MOSI and MOSEI';

/** The metrics reported for MOSI and MOSEI, in MMSA's convention. */
export const REGRESSION_METRICS: readonly RegressionMetric[] = [
  {
    name: 'Has0_acc_2',
    task: 'regression',
    better: 'higher',
    formula: 'share of (p >= 0) = (t >= 0)',
    source: SOURCE,
    description: 'Accuracy of negative against not negative, all examples.',
    compute: (p, t) => accuracy(notNegative(p, t)),
  },
  {
    name: 'Has0_F1_score',
    task: 'regression',
    better: 'higher',
    formula: 'sum_c (support_c / N) F1_c over p >= 0 against t >= 0',
    source: SOURCE,
    description: 'F1 of negative against not negative, weighted by the targets’ support.',
    compute: (p, t) => weightedF1(notNegative(p, t)),
  },
  {
    name: 'Non0_acc_2',
    task: 'regression',
    better: 'higher',
    formula: 'share of (p > 0) = (t > 0) where t != 0',
    source: SOURCE,
    description: 'Accuracy of positive against not positive, neutral targets left out.',
    compute: (p, t) => ofPositive(p, t, accuracy),
  },
  {
    name: 'Non0_F1_score',
    task: 'regression',
    better: 'higher',
    formula: 'sum_c (support_c / N) F1_c over p > 0 against t > 0 where t != 0',
    source: SOURCE,
    description:
      'F1 of positive against not positive, neutral targets left out, weighted by the targets’ support.',
    compute: (p, t) => ofPositive(p, t, weightedF1),
  },
  {
    name: 'Mult_acc_5',
    task: 'regression',
    better: 'higher',
    formula: 'share of round(clip(p, -2, 2)) = round(clip(t, -2, 2)), halves to even',
    source: SOURCE,
    description: 'Accuracy over the five grades -2 to 2.',
    compute: (p, t) => gradeAccuracy(p, t, 2),
  },
  {
    name: 'Mult_acc_7',
    task: 'regression',
    better: 'higher',
    formula: 'share of round(clip(p, -3, 3)) = round(clip(t, -3, 3)), halves to even',
    source: SOURCE,
    description: 'Accuracy over the seven grades -3 to 3.',
    compute: (p, t) => gradeAccuracy(p, t, 3),
  },
  {
    name: 'MAE',
    task: 'regression',
    better: 'lower',
    formula: 'mean |p - t|',
    source: SOURCE,
    description: 'Mean absolute error, in the unit of the label.',
    compute: meanAbsoluteError,
  },
  {
    name: 'Corr',
    task: 'regression',
    better: 'higher',
    formula: 'cov(p, t) / (std(p) std(t))',
    source: SOURCE,
    description: 'Pearson correlation of predictions and targets.',
    compute: correlation,
  },
];

/** The nearest integer, halves to the even one: 0.5 to 0, 1.5 to 2, -2.5 to -2 (Math.round rounds halves up). */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

function notNegative(p: FloatArray, t: FloatArray): Confusion {
  const predicted = new Uint8Array(t.length);
  const actual = new Uint8Array(t.length);
  for (let row = 0; row < t.length; row += 1) {
    predicted[row] = Number((p[row] as number) >= 0);
    actual[row] = Number((t[row] as number) >= 0);
  }
  return confusionOf(predicted, actual, 2);
}

function ofPositive(
  p: FloatArray,
  t: FloatArray,
  metric: (confusion: Confusion) => number,
): Outcome {
  const predicted = new Uint8Array(t.length);
  const actual = new Uint8Array(t.length);
  let count = 0;
  for (let row = 0; row < t.length; row += 1) {
    if (t[row] === 0) continue;
    predicted[count] = Number((p[row] as number) > 0);
    actual[count] = Number((t[row] as number) > 0);
    count += 1;
  }
  if (count === 0) return { undefined: 'every target is 0' };
  return metric(confusionOf(predicted.subarray(0, count), actual.subarray(0, count), 2));
}

function gradeAccuracy(p: FloatArray, t: FloatArray, limit: number): number {
  const grade = (value: number): number => roundHalfEven(Math.min(Math.max(value, -limit), limit));
  let same = 0;
  for (let row = 0; row < t.length; row += 1) {
    if (grade(p[row] as number) === grade(t[row] as number)) same += 1;
  }
  return same / t.length;
}

function meanAbsoluteError(p: FloatArray, t: FloatArray): number {
  let sum = 0;
  for (let row = 0; row < t.length; row += 1)
    sum += Math.abs((p[row] as number) - (t[row] as number));
  return sum / t.length;
}

function correlation(p: FloatArray, t: FloatArray): Outcome {
  // Compared exactly: a mean rounds, and the deviations of a constant from it need not be 0.
  if (p.every((value) => value === p[0])) return { undefined: 'all predictions are equal' };
  if (t.every((value) => value === t[0])) return { undefined: 'all targets are equal' };
  const deviationsOfP = scaledDeviations(p);
  const deviationsOfT = scaledDeviations(t);
  let product = 0;
  let squareOfP = 0;
  let squareOfT = 0;
  for (let row = 0; row < t.length; row += 1) {
    const a = deviationsOfP[row] as number;
    const b = deviationsOfT[row] as number;
    product += a * b;
    squareOfP += a * a;
    squareOfT += b * b;
  }
  const value = product / Math.sqrt(squareOfP * squareOfT);
  return Math.min(Math.max(value, -1), 1);
}

/** Deviations from the mean, the largest made 1 so that squares neither overflow nor vanish. */
function scaledDeviations(values: FloatArray): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  const deviations = new Float64Array(values.length);
  let largest = 0;
  for (let row = 0; row < values.length; row += 1) {
    const deviation = (values[row] as number) - mean;
    deviations[row] = deviation;
    largest = Math.max(largest, Math.abs(deviation));
  }
  for (let row = 0; row < values.length; row += 1)
    deviations[row] = (deviations[row] as number) / largest;
  return deviations;
}
