import type { Label } from '../../dataset';
import { type Bags, restrict, totals, visitBag } from './bags';

/** Squared weights cost so much: about as much as being wrong by 1 in so many examples. */
const PENALTY = 4;
const MOST_STEPS = 200;
/** Share of the first residual at which the solution counts as exact. */
const TOLERANCE = 1e-10;

/** Words that train has fewer times tell the probe nothing that holds elsewhere. */
const LEAST_COUNT = 2;

/** How well the words alone predict the label; null where there is no example to tell. */
export interface ProbeScores {
  /** Regression: mean absolute error. */
  readonly MAE?: number | null;
  /** Regression: share of labels other than 0 whose sign is right. */
  readonly Non0_acc_2?: number | null;
  /** Two classes: share that is right. */
  readonly Acc?: number | null;
}

/** Scores, on sets of examples, of a probe that is fitted to `train` on all words it has at least twice. */
export function probeScores<Name extends string>(
  bags: Bags,
  polarity: Int8Array,
  label: Label,
  train: Int32Array,
  sets: Readonly<Record<Name, Int32Array>>,
): Record<Name, ProbeScores> {
  const isRegression = label.task === 'regression';
  const targets = isRegression ? label.values : polarity;
  const seen = totals(bags, train);
  const known = restrict(bags, (word) => (seen[word] as number) >= LEAST_COUNT);
  const probe = fitProbe(known, targets, train);
  const scores = Object.entries<Int32Array>(sets).map(([name, rows]) => {
    const wrong = Array.from(rows, (row) =>
      Math.abs(predict(probe, known, row) - (targets[row] as number)),
    );
    const polar = rows.filter((row) => targets[row] !== 0);
    const right = Array.from(polar, (row) =>
      Number(predict(probe, known, row) > 0 === (targets[row] as number) > 0),
    );
    return [
      name,
      isRegression ? { MAE: mean(wrong), Non0_acc_2: mean(right) } : { Acc: mean(right) },
    ];
  });
  return Object.fromEntries(scores) as Record<Name, ProbeScores>;
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Predicts a target from the words alone. */
export interface Probe {
  /** Index of each word's weight. */
  readonly weights: Float64Array;
  readonly intercept: number;
}

/**
 * Ridge regression of `targets` on bags of words: min over w of sum (b + counts . w - t)^2 + PENALTY |w|^2 with b the
 * mean of the targets, solved by conjugate gradients. Nothing in it is random.
 */
export function fitProbe(bags: Bags, targets: ArrayLike<number>, rows: Int32Array): Probe {
  const intercept =
    rows.reduce((sum, row) => sum + (targets[row] as number), 0) / Math.max(1, rows.length);
  const width = bags.words.length;
  /** X^T v over `rows`. */
  const transposed = (value: (row: number) => number): Float64Array => {
    const sums = new Float64Array(width);
    for (const row of rows) {
      const factor = value(row);
      visitBag(bags, row, (word, count) => {
        sums[word] = (sums[word] as number) + factor * count;
      });
    }
    return sums;
  };
  const normal = (v: Float64Array): Float64Array =>
    transposed((row) => score(bags, row, v)).map((x, i) => x + PENALTY * (v[i] as number));

  const weights = new Float64Array(width);
  const residual = transposed((row) => (targets[row] as number) - intercept);
  const direction = Float64Array.from(residual);
  const first = dot(residual, residual);
  let norm = first;
  for (let step = 0; step < MOST_STEPS && norm > first * TOLERANCE ** 2; step += 1) {
    const product = normal(direction);
    const length = norm / dot(direction, product);
    addTo(weights, direction, length);
    addTo(residual, product, -length);
    const next = dot(residual, residual);
    direction.forEach((value, i) => {
      direction[i] = (residual[i] as number) + (next / norm) * value;
    });
    norm = next;
  }
  return { weights, intercept };
}

/** What the probe predicts for an example. */
export function predict({ weights, intercept }: Probe, bags: Bags, row: number): number {
  return intercept + score(bags, row, weights);
}

/** counts . weights of one example */
function score(bags: Bags, row: number, weights: Float64Array): number {
  let sum = 0;
  visitBag(bags, row, (word, count) => {
    sum += count * (weights[word] as number);
  });
  return sum;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

/** a += factor b */
function addTo(a: Float64Array, b: Float64Array, factor: number): void {
  b.forEach((value, i) => {
    a[i] = (a[i] as number) + factor * value;
  });
}
