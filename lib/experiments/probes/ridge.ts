import { setImmediate } from 'node:timers/promises';

import { cholesky, solveCholesky } from './cholesky';
import { addScaled, columnMeans, rowOf, type Matrix } from './matrix';

/** Ridge strength for each row that is fitted; columns are standardised, so that n * 1 is the size of the Gram's diagonal. */
export const STRENGTH = 1e-3;

/** Deviations below this share of a column's largest value are rounding of float32: the column is constant. */
const CONSTANT = 1e-6;

/** Multiply-adds between two turns of the event loop: some milliseconds. */
const TURN = 2 ** 23;

/** A fitted ridge regression on standardised columns. */
export interface Ridge {
  readonly mean: Float64Array;
  /** 1 / standard deviation; 0 for a column without any, which then says nothing. */
  readonly inverseDeviation: Float64Array;
  readonly intercept: Float64Array;
  /** [columns of x, columns of y] */
  readonly weights: Matrix;
}

/**
 * min over b, W of |Y - b - S W|^2 + STRENGTH n |W|^2, where S is x with columns of mean 0 and population variance 1.
 * The intercept is not penalised. In float64 by the normal equations, which the penalty keeps well-conditioned.
 */
export async function fitRidge(x: Matrix, y: Matrix): Promise<Ridge> {
  const mean = columnMeans(x);
  const inverseDeviation = inverseDeviations(x, mean);
  const intercept = columnMeans(y);
  const [d, k] = [x.columns, y.columns];
  const gram: Matrix = { rows: d, columns: d, values: new Float64Array(d * d) };
  const right: Matrix = { rows: d, columns: k, values: new Float64Array(d * k) };
  const turn = Math.max(1, Math.floor(TURN / (d * d)));
  for (let row = 0; row < x.rows; row += 1) {
    const s = standardise(rowOf(x, row), mean, inverseDeviation);
    const t = rowOf(y, row).map((value, i) => value - (intercept[i] as number));
    for (let i = 0; i < d; i += 1) {
      const factor = s[i] as number;
      addScaled(rowOf(gram, i).subarray(0, i + 1), s, factor);
      addScaled(rowOf(right, i), t, factor);
    }
    if (row % turn === turn - 1) await setImmediate();
  }
  for (let i = 0; i < d; i += 1) {
    gram.values[i * d + i] = (gram.values[i * d + i] as number) + STRENGTH * x.rows;
  }
  const weights = solveCholesky(cholesky(gram), right);
  return { mean, inverseDeviation, intercept, weights };
}

/** [rows of x, columns of y] */
export function predictRidge(
  { mean, inverseDeviation, intercept, weights }: Ridge,
  x: Matrix,
): Matrix {
  const columns = intercept.length;
  const predictions: Matrix = {
    rows: x.rows,
    columns,
    values: new Float64Array(x.rows * columns),
  };
  for (let row = 0; row < x.rows; row += 1) {
    const out = rowOf(predictions, row);
    out.set(intercept);
    standardise(rowOf(x, row), mean, inverseDeviation).forEach((value, i) => {
      addScaled(out, rowOf(weights, i), value);
    });
  }
  return predictions;
}

function standardise(
  row: Float64Array,
  mean: Float64Array,
  inverseDeviation: Float64Array,
): Float64Array {
  return row.map((value, i) => (value - (mean[i] as number)) * (inverseDeviation[i] as number));
}

function inverseDeviations(x: Matrix, mean: Float64Array): Float64Array {
  const squares = new Float64Array(x.columns);
  const largest = new Float64Array(x.columns);
  for (let row = 0; row < x.rows; row += 1) {
    rowOf(x, row).forEach((value, i) => {
      squares[i] = (squares[i] as number) + (value - (mean[i] as number)) ** 2;
      largest[i] = Math.max(largest[i] as number, Math.abs(value));
    });
  }
  return squares.map((sum, i) => {
    const deviation = Math.sqrt(sum / x.rows);
    return deviation > CONSTANT * (largest[i] as number) ? 1 / deviation : 0;
  });
}
