import { checkClasses, computeMetrics, undefinedMetrics, type MetricOptions } from './compute';
import type { FloatArray, MetricReport } from './metric';

/** What a model that ignores its input reaches. */
export interface Baseline extends MetricReport {
  /** How the constant is chosen, for the table's caption. */
  readonly rule: 'median of the training targets' | 'most frequent class of the training targets';
  /** The constant: a label value or a class index. Null without training targets. */
  readonly prediction: number | null;
}

/**
 * Metrics on `testTargets` of the best constant predictor: for regression the training median, which minimises the
 * mean absolute error and has the sign of the majority; for classification the most frequent training class, the
 * first of equals. Its Corr is undefined. Throws ERR_CMIR_MISMATCH for a class that is no index,
 * ERR_CMIR_USAGE as computeMetrics.
 */
export function baselineMetrics(
  task: 'regression' | 'classification',
  trainTargets: FloatArray,
  testTargets: FloatArray,
  options: MetricOptions = {},
): Baseline {
  const isRegression = task === 'regression';
  const rule = isRegression
    ? 'median of the training targets'
    : 'most frequent class of the training targets';
  if (trainTargets.length === 0) {
    return { rule, prediction: null, ...undefinedMetrics(task, 'no training targets', options) };
  }
  const outputs = isRegression ? 1 : countClasses(trainTargets, testTargets);
  if (!isRegression) checkClasses(trainTargets, outputs);
  const prediction = isRegression ? median(trainTargets) : mode(trainTargets);
  const predictions = new Float64Array(testTargets.length * outputs);
  for (let row = 0; row < testTargets.length; row += 1) {
    if (isRegression) predictions[row] = prediction;
    else predictions[row * outputs + prediction] = 1;
  }
  return { rule, prediction, ...computeMetrics(task, predictions, testTargets, outputs, options) };
}

/** One more than the largest class index; a target that is not finite is computeMetrics' to report. */
function countClasses(...sets: readonly FloatArray[]): number {
  let largest = 0;
  for (const targets of sets) {
    for (const target of targets) if (Number.isFinite(target)) largest = Math.max(largest, target);
  }
  return 1 + Math.floor(largest);
}

function median(values: FloatArray): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  const [low, high] = [
    sorted[Math.ceil(middle) - 1] as number,
    sorted[Math.floor(middle)] as number,
  ];
  return (low + high) / 2;
}

function mode(values: FloatArray): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const [[best]] = [...counts].sort(([a, m], [b, n]) => n - m || a - b) as [[number, number]];
  return best;
}
