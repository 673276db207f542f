import type { Dataset, Split } from '../data/dataset';
import { baselineMetrics, type Metrics } from '../metrics';
import type { Model } from './model';

/** Why metrics are null, by name. */
export type Reasons = Readonly<Record<string, string>>;

/** Metrics by split, and how they came about: the content of metrics.json. */
export interface RunMetrics {
  /** Of the split `valid`, by the best epoch's model. */
  readonly valid: Metrics;
  /** Of the split `test`, where there is one. */
  readonly test?: Metrics;
  /** Of the split `shifted`, where there is one. */
  readonly shifted?: Metrics;
  /** The same of a constant prediction: the training median, or the most frequent class. */
  readonly baseline: Readonly<Record<string, Metrics>>;
  /** Why a metric is null, by split and name. */
  readonly undefined?: {
    readonly valid?: Reasons;
    readonly test?: Reasons;
    readonly shifted?: Reasons;
    readonly baseline?: Readonly<Record<string, Reasons>>;
  };
  /** The epoch whose model was kept, from 1. */
  readonly best_epoch: number;
  /** Epochs trained. */
  readonly epochs: number;
  /** Of all epochs, validation included. */
  readonly seconds: number;
  /** Trained parameters of the model. */
  readonly parameters: number;
}

/** The labels of a split's rows. */
export function targetsOf({ dataset, rows }: Split): Float32Array {
  return Float32Array.from(rows, (row) => dataset.label?.values[row] as number);
}

/** Metrics of the trained model, and of a constant, on every split but train. */
export async function evaluateSplits(
  model: Model,
  dataset: Dataset,
): Promise<Pick<RunMetrics, 'valid' | 'baseline'>> {
  const trainTargets = targetsOf(dataset.train);
  const metrics: Record<string, Metrics> = {};
  const baseline: Record<string, Metrics> = {};
  const reasons: Record<string, object> = {};
  const baselineReasons: Record<string, Reasons> = {};
  for (const name of dataset.splits.keys()) {
    const split = dataset.split(name);
    if (name === 'train' || split.rows.length === 0) continue;
    const report = await model.evaluate(split);
    const constant = baselineMetrics(model.shape.task, trainTargets, targetsOf(split));
    metrics[name] = report.metrics;
    baseline[name] = constant.metrics;
    if (!isEmpty(report.undefined)) reasons[name] = report.undefined;
    if (!isEmpty(constant.undefined)) baselineReasons[name] = constant.undefined;
  }
  if (!isEmpty(baselineReasons)) reasons['baseline'] = baselineReasons;
  const why = isEmpty(reasons) ? {} : { undefined: reasons };
  return { ...metrics, baseline, ...why } as unknown as Pick<RunMetrics, 'valid' | 'baseline'>;
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
}
