import {
  bootstrapInterval,
  holm,
  mean,
  pairedTTest,
  sampleDeviation,
  wilcoxon,
} from '../statistics';
import type { EvaluationSet, ResultRow } from '../results';
import type { Outcome } from './run';

type Values = readonly (number | null)[];

/**
 * One row a method, test set and metric. Tests are paired by seed against the first method; Holm's correction is
 * over all methods and sets of a metric.
 */
export function rowsOf(
  outcomes: readonly Outcome[],
  methods: readonly string[],
  sets: readonly EvaluationSet[],
  metrics: readonly string[],
): ResultRow[] {
  return metrics.flatMap((metric) => correct(rowsOfMetric(outcomes, methods, sets, metric)));
}

function rowsOfMetric(
  outcomes: readonly Outcome[],
  methods: readonly string[],
  sets: readonly EvaluationSet[],
  metric: string,
): ResultRow[] {
  return sets.flatMap(({ name: set }) => {
    const valuesOf = (method: string): Values =>
      outcomes
        .filter((outcome) => outcome.method === method)
        .map((outcome) => outcome.sets.get(set)?.[metric] ?? null);
    const reference = valuesOf(methods[0] ?? '');
    return methods.map((method, index) => {
      const values = valuesOf(method);
      return {
        method,
        set,
        metric,
        ...summary(values),
        values,
        ...tests(index, reference, values),
      };
    });
  });
}

/** Mean, deviation and interval of the values that are defined. */
export function summary(values: Values): Pick<ResultRow, 'mean' | 'std'> {
  const defined = values.filter((value) => value !== null);
  return { mean: mean(defined), std: sampleDeviation(defined) };
}
