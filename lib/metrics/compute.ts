import { CmirError } from '../errors';
import { CLASSIFICATION_METRICS, classConfusion } from './classification';
import type { FloatArray, MetricReport, MetricRow, Outcome } from './metric';
import { REGRESSION_METRICS } from './regression';

/** Every metric, in the order of the tables. */
export const METRICS: readonly MetricRow[] = [...REGRESSION_METRICS, ...CLASSIFICATION_METRICS];

const ROBUST = 'robust';

/** The metric that a name such as robustMAE is a mean of, over noisy copies; undefined for any other name. */
export function robustBase(name: string): string | undefined {
  return name.startsWith(ROBUST) ? name.slice(ROBUST.length) : undefined;
}

/** Whether more or less of a metric, robust or not, is better. Throws ERR_CMIR_CONFIG, listing the metrics, for an unknown name. */
export function metricDirection(name: string): 'higher' | 'lower' {
  const row = METRICS.find((metric) => metric.name === (robustBase(name) ?? name));
  if (row === undefined) {
    const known = METRICS.map((metric) => metric.name).join(', ');
    throw new CmirError('ERR_CMIR_CONFIG', `unknown metric '${name}', expected one of ${known}`);
  }
  return row.better;
}

/**
 * Every metric of the task, unrounded. `predictions` is [rows, outputs] row-major: values (outputs 1) or logits;
 * `targets` is [rows]: values or class indices. A metric is null, with its reason under `undefined`, where it has
 * no value: no examples, a prediction or target that is not finite, constant values (Corr), no non-zero target.
 * Throws ERR_CMIR_USAGE where the lengths disagree, ERR_CMIR_MISMATCH for a target that is no class of the model.
 */
export function computeMetrics(
  task: 'regression' | 'classification',
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
): MetricReport {
  checkLengths(task, predictions, targets, outputs);
  const obstacle = findObstacle(predictions, targets);
  if (obstacle !== null) return undefinedMetrics(task, obstacle);
  if (task === 'regression') {
    return report(
      REGRESSION_METRICS.map((metric) => [metric.name, metric.compute(predictions, targets)]),
    );
  }
  checkClasses(targets, outputs);
  const confusion = classConfusion(predictions, targets, outputs);
  return report(CLASSIFICATION_METRICS.map((metric) => [metric.name, metric.compute(confusion)]));
}

/** A report in which every metric of the task is null for one reason. */
export function undefinedMetrics(
  task: 'regression' | 'classification',
  reason: string,
): MetricReport {
  const rows = METRICS.filter((metric) => metric.task === task);
  return report(rows.map(({ name }) => [name, { undefined: reason }]));
}

function checkLengths(
  task: 'regression' | 'classification',
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
): void {
  const fits = Number.isInteger(outputs) && (task === 'regression' ? outputs === 1 : outputs >= 1);
  if (fits && predictions.length === targets.length * outputs) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `${task} metrics: found ${String(predictions.length)} predictions for ${String(targets.length)} targets and ` +
      `${String(outputs)} outputs, expected targets times outputs` +
      (task === 'regression' ? ', with 1 output' : ', with at least 1 output'),
  );
}

/** Throws ERR_CMIR_MISMATCH for a target that is no index from 0 to `outputs` - 1. */
export function checkClasses(targets: FloatArray, outputs: number): void {
  const row = targets.findIndex(
    (value) => !Number.isInteger(value) || value < 0 || value >= outputs,
  );
  if (row < 0) return;
  throw new CmirError(
    'ERR_CMIR_MISMATCH',
    `targets, row ${String(row)}: found class ${String(targets[row])}, expected an index from 0 to ` +
      `${String(outputs - 1)}, one of the model's classes`,
  );
}

/** Why no metric at all can be computed, if so. */
function findObstacle(predictions: FloatArray, targets: FloatArray): string | null {
  if (targets.length === 0) return 'no examples';
  for (const [what, values] of [
    ['predictions', predictions] as const,
    ['targets', targets] as const,
  ]) {
    let count = 0;
    for (const value of values) if (!Number.isFinite(value)) count += 1;
    if (count > 0)
      return `${String(count)} of ${String(values.length)} ${what} are NaN or infinite`;
  }
  return null;
}

function report(outcomes: readonly (readonly [name: string, outcome: Outcome])[]): MetricReport {
  const metrics: Record<string, number | null> = {};
  const reasons: Record<string, string> = {};
  for (const [name, outcome] of outcomes) {
    const value = typeof outcome === 'number' ? outcome : null;
    metrics[name] = value !== null && Number.isFinite(value) ? value : null;
    if (typeof outcome !== 'number') reasons[name] = outcome.undefined;
    else if (!Number.isFinite(outcome)) reasons[name] = 'the values overflow float64';
  }
  return { metrics, undefined: reasons };
}
