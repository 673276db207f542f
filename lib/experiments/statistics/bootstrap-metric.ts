import { computeMetric, type FloatArray, type MetricOptions, type MetricRow } from '../../metrics';
import { pairedBootstrap, type BootstrapOptions, type PairedBootstrap } from './bootstrap';

/** Two models' predictions for the examples of one test set, in one order. */
export interface ModelPair {
  /** Of the label. */
  readonly task: MetricRow['task'];
  /** Values an example: 1, or the number of classes. */
  readonly outputs: number;
  /** [n], values or class indices. */
  readonly targets: FloatArray;
  /** [n, outputs], values or logits. */
  readonly first: FloatArray;
  /** [n, outputs]. */
  readonly second: FloatArray;
}

/**
 * pairedBootstrap of a metric of two models: the first's less the second's. Throws ERR_CMIR_USAGE for a metric that
 * the task has not, lengths that disagree or options out of range, ERR_CMIR_MISMATCH for a target that is no class.
 */
export function bootstrapMetric(
  models: ModelPair,
  metric: string,
  options: BootstrapOptions & MetricOptions = {},
): PairedBootstrap {
  const { task, outputs, targets, first, second } = models;
  const of = (p: FloatArray, t: FloatArray): number | null =>
    computeMetric(metric, task, p, t, outputs, options);
  // Once in full: the rows drawn later hide what does not fit.
  of(first, targets);
  of(second, targets);
  const drawn = [first, second].map((values) => new Float64Array(values.length));
  const [a, b] = drawn as [Float64Array, Float64Array];
  const t = new Float64Array(targets.length);
  const difference = (rows: Int32Array): number | null => {
    gather(targets, rows, 1, t);
    gather(first, rows, outputs, a);
    gather(second, rows, outputs, b);
    const [x, y] = [of(a, t), of(b, t)];
    return x === null || y === null ? null : x - y;
  };
  return pairedBootstrap(targets.length, difference, options);
}

function gather(from: FloatArray, rows: Int32Array, width: number, to: Float64Array): void {
  rows.forEach((row, place) => {
    for (let column = 0; column < width; column += 1) {
      to[place * width + column] = from[row * width + column] as number;
    }
  });
}
