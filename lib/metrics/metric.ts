/** Values in either precision of the engine. */
export type FloatArray = Float32Array | Float64Array;

/**
 * Whose definitions the regression metrics follow, as one name stands for different numbers in the field: MMSA's
 * (default), MMSA's before April 2021 and MISA's (F1 with its arguments swapped), ITHP's, GAL's, and MMSA's for SIMS.
 */
export const CONVENTIONS = ['mmsa', 'f1Legacy', 'ithp', 'gal', 'sims'] as const;
/** A convention of the field: which formulas stand behind the names of metrics. */
export type Convention = (typeof CONVENTIONS)[number];

/** What a metric is, apart from how it is computed. */
export interface MetricRow {
  /** As results and `training.metric` have it. */
  readonly name: string;
  /** What kind of label it is for. */
  readonly task: 'regression' | 'classification';
  /** Null for classification, whose metrics have one definition. */
  readonly convention: Convention | null;
  /** Which direction is better. */
  readonly better: 'higher' | 'lower';
  /** p is the prediction, t the target, N the number of examples. */
  readonly formula: string;
  /** Whose definition it is. */
  readonly source: string;
  /** One sentence for people. */
  readonly description: string;
}

/** A value, or why there is none. */
export type Outcome = number | { readonly undefined: string };

/** A metric with its computation. All values are finite, targets are [n] with n > 0, predictions [n, outputs]. */
export interface Metric extends MetricRow {
  compute(predictions: FloatArray, targets: FloatArray, outputs: number): Outcome;
}

/** Unrounded values; null where a metric is undefined. */
export type Metrics = Record<string, number | null>;

/** Metrics of one set of predictions. */
export interface MetricReport {
  /** By name, unrounded; null where there is none. */
  readonly metrics: Metrics;
  /** The reason for every null in `metrics`. */
  readonly undefined: Record<string, string>;
}
