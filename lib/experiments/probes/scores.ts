import { columnMeans, rowOf, type Matrix } from './matrix';

/**
 * Mean over the columns of 1 - sum (y - p)^2 / sum (y - mean y)^2, which is below 0 where the mean would do better.
 * Columns that do not vary have none; null where no column varies.
 */
export function meanR2(predictions: Matrix, targets: Matrix): number | null {
  const means = columnMeans(targets);
  const residual = new Float64Array(targets.columns);
  const total = new Float64Array(targets.columns);
  const first = rowOf(targets, 0);
  const varies = new Uint8Array(targets.columns);
  for (let row = 0; row < targets.rows; row += 1) {
    const predicted = rowOf(predictions, row);
    rowOf(targets, row).forEach((value, i) => {
      residual[i] = (residual[i] as number) + (value - (predicted[i] as number)) ** 2;
      total[i] = (total[i] as number) + (value - (means[i] as number)) ** 2;
      if (value !== first[i]) varies[i] = 1;
    });
  }
  let [sum, count] = [0, 0];
  varies.forEach((does, i) => {
    if (does === 0) return;
    sum += 1 - (residual[i] as number) / (total[i] as number);
    count += 1;
  });
  return count === 0 ? null : sum / count;
}

/** Share of rows whose largest score is that of their class, the first one among equals; null without rows. */
export function accuracy(scores: Matrix, classes: Matrix): number | null {
  if (scores.rows === 0) return null;
  let right = 0;
  for (let row = 0; row < scores.rows; row += 1) {
    const own = rowOf(scores, row);
    if (rowOf(classes, row)[own.indexOf(Math.max(...own))] === 1) right += 1;
  }
  return right / scores.rows;
}
