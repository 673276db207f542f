import { addScaled, dot, rowOf, type Matrix } from './matrix';

/**
 * The lower triangle L of a = L L^T, by rows; `a` is symmetric, of which only the lower triangle is read.
 * Throws a RangeError for a matrix that is not positive definite to working precision.
 */
export function cholesky(a: Matrix): Matrix {
  const size = a.rows;
  const lower: Matrix = { rows: size, columns: size, values: new Float64Array(size * size) };
  for (let i = 0; i < size; i += 1) {
    const row = rowOf(lower, i);
    for (let j = 0; j <= i; j += 1) {
      const other = rowOf(lower, j);
      const rest =
        (a.values[i * size + j] as number) - dot(row.subarray(0, j), other.subarray(0, j));
      if (j < i) row[j] = rest / (other[j] as number);
      else if (rest > 0) row[j] = Math.sqrt(rest);
      else throw new RangeError(`not positive definite: pivot ${String(i)} is ${String(rest)}`);
    }
  }
  return lower;
}

/** x of L L^T x = b for every column of b [size, columns]. */
export function solveCholesky(lower: Matrix, b: Matrix): Matrix {
  const size = lower.rows;
  const x: Matrix = { ...b, values: b.values.slice() };
  const entry = (i: number, j: number): number => lower.values[i * size + j] as number;
  const divide = (row: Float64Array, by: number): void => {
    for (let k = 0; k < row.length; k += 1) row[k] = (row[k] as number) / by;
  };
  for (let i = 0; i < size; i += 1) {
    const row = rowOf(x, i);
    for (let j = 0; j < i; j += 1) addScaled(row, rowOf(x, j), -entry(i, j));
    divide(row, entry(i, i));
  }
  for (let i = size - 1; i >= 0; i -= 1) {
    const row = rowOf(x, i);
    for (let j = i + 1; j < size; j += 1) addScaled(row, rowOf(x, j), -entry(j, i));
    divide(row, entry(i, i));
  }
  return x;
}
