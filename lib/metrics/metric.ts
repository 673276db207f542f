/** Values in either precision of the engine. */
export type FloatArray = Float32Array | Float64Array;

/** What a metric is, apart from how it is computed. */
export interface MetricRow {
  readonly name: string;
  readonly task: 'regression' | 'classification';
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

/** Unrounded values; null where a metric is undefined. */
export type Metrics = Record<string, number | null>;

export interface MetricReport {
  readonly metrics: Metrics;
  /** The reason for every null in `metrics`. */
  readonly undefined: Record<string, string>;
}
