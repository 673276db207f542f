import { CmirError } from '../errors';
import { expectedOneOf } from '../suggest';
import { CLASSIFICATION_METRICS } from './classification';
import {
  CONVENTIONS,
  type Convention,
  type FloatArray,
  type Metric,
  type MetricReport,
  type MetricRow,
  type Outcome,
} from './metric';
import { REGRESSION_METRICS } from './regression';
import { SIMS_METRICS } from './sims';

/** How metrics are computed. */
export interface MetricOptions {
  /** Of regression. Default 'mmsa'; classification has no other. */
  readonly convention?: Convention;
}

const ROWS: readonly Metric[] = [...REGRESSION_METRICS, ...SIMS_METRICS, ...CLASSIFICATION_METRICS];

/** Every metric of every convention, in the order of the tables. */
export const METRICS: readonly MetricRow[] = ROWS;

const ROBUST = 'robust';

/** The metric that a name such as robustMAE is a mean of, over noisy copies; undefined for any other name. */
export function robustBase(name: string): string | undefined {
  return name.startsWith(ROBUST) ? name.slice(ROBUST.length) : undefined;
}

/** Whether more or less of a metric, robust or not, is better. Throws ERR_CMIR_CONFIG, listing the metrics, for an unknown name. */
export function metricDirection(name: string): 'higher' | 'lower' {
  const row = METRICS.find((metric) => metric.name === (robustBase(name) ?? name));
  if (row === undefined) {
    const known = [...new Set(METRICS.map((metric) => metric.name))];
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `unknown metric '${name}', ${expectedOneOf(name, known)}`,
    );
  }
  return row.better;
}

/**
 * Names of the task's metrics in a convention. Throws ERR_CMIR_USAGE for a convention that is not known, or for another
 * than the default of classification.
 */
export function metricNames(task: MetricRow['task'], options: MetricOptions = {}): string[] {
  return rowsOf(task, options).map(({ name }) => name);
}

/**
 * Every metric of the task in one convention, unrounded. `predictions` is [rows, outputs] row-major: values (outputs 1)
 * or logits; `targets` is [rows]: values or class indices. A metric is null, with its reason under `undefined`, where
 * it has no value: no examples, a prediction or target that is not finite, constant values (Corr), no non-zero target.
 * Throws ERR_CMIR_USAGE where the lengths disagree or the convention is none of the task's, ERR_CMIR_MISMATCH for a
 * target that is no class of the model.
 */
export function computeMetrics(
  task: MetricRow['task'],
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
  options: MetricOptions = {},
): MetricReport {
  return reportOf(rowsOf(task, options), task, predictions, targets, outputs);
}

/**
 * Every metric in every convention, for one table of them all; of regression only. Throws as computeMetrics, and
 * ERR_CMIR_USAGE for classification.
 */
export function computeConventions(
  task: MetricRow['task'],
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
): Record<Convention, MetricReport> {
  const of = (convention: Convention): MetricReport =>
    computeMetrics(task, predictions, targets, outputs, { convention });
  return Object.fromEntries(CONVENTIONS.map((name) => [name, of(name)])) as ReturnType<
    typeof computeConventions
  >;
}

/** One metric alone, null where it is undefined: computeMetrics for those who need it of many sets of rows. */
export function computeMetric(
  name: string,
  task: MetricRow['task'],
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
  options: MetricOptions = {},
): number | null {
  const rows = rowsOf(task, options);
  const row = rows.find((metric) => metric.name === name);
  if (row === undefined) {
    const known = rows.map((metric) => metric.name).join(', ');
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `metric: found '${name}', expected one of ${known} for ${task}`,
    );
  }
  return reportOf([row], task, predictions, targets, outputs).metrics[name] ?? null;
}

/** A report in which every metric of the task is null for one reason. */
export function undefinedMetrics(
  task: MetricRow['task'],
  reason: string,
  options: MetricOptions = {},
): MetricReport {
  return report(rowsOf(task, options).map(({ name }) => [name, { undefined: reason }]));
}

function rowsOf(
  task: MetricRow['task'],
  { convention = 'mmsa' }: MetricOptions,
): readonly Metric[] {
  const expected: readonly Convention[] = task === 'regression' ? CONVENTIONS : ['mmsa'];
  if (!expected.includes(convention)) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `metric convention: found '${convention}', expected ` +
        (task === 'regression'
          ? `one of ${expected.join(', ')}`
          : 'none for classification, whose metrics have one definition'),
    );
  }
  const wanted = task === 'regression' ? convention : null;
  return ROWS.filter((row) => row.task === task && row.convention === wanted);
}

function reportOf(
  rows: readonly Metric[],
  task: MetricRow['task'],
  predictions: FloatArray,
  targets: FloatArray,
  outputs: number,
): MetricReport {
  checkLengths(task, predictions, targets, outputs);
  const obstacle = findObstacle(predictions, targets);
  if (obstacle !== null) return report(rows.map(({ name }) => [name, { undefined: obstacle }]));
  if (task === 'classification') checkClasses(targets, outputs);
  return report(rows.map((row) => [row.name, row.compute(predictions, targets, outputs)]));
}

function checkLengths(
  task: MetricRow['task'],
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
