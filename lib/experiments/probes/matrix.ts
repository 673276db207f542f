/** A row-major matrix of float64. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

export function matrixOf(values: ArrayLike<number>, columns: number): Matrix {
  return { rows: values.length / columns, columns, values: Float64Array.from(values) };
}

/** The rows of `values` [n, columns] that are asked for, in their order. */
export function gatherRows(values: Float32Array, columns: number, rows: Int32Array): Matrix {
  const gathered = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => {
    gathered.set(values.subarray(row * columns, (row + 1) * columns), i * columns);
  });
  return { rows: rows.length, columns, values: gathered };
}

/** A column a class: 1 where it is that of the row, else 0. */
export function oneHot(classes: ArrayLike<number>, count: number): Matrix {
  const values = new Float64Array(classes.length * count);
  for (let row = 0; row < classes.length; row += 1) {
    values[row * count + (classes[row] as number)] = 1;
  }
  return { rows: classes.length, columns: count, values };
}

/** Matrices of the same rows side by side. */
export function joinColumns(parts: readonly Matrix[]): Matrix {
  const rows = parts[0]?.rows ?? 0;
  const columns = parts.reduce((sum, part) => sum + part.columns, 0);
  const values = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row += 1) {
      values.set(rowOf(part, row), row * columns + at);
    }
    at += part.columns;
  }
  return { rows, columns, values };
}

/** `count` columns from `begin`. */
export function sliceColumns(matrix: Matrix, begin: number, count: number): Matrix {
  const values = new Float64Array(matrix.rows * count);
  for (let row = 0; row < matrix.rows; row += 1) {
    values.set(rowOf(matrix, row).subarray(begin, begin + count), row * count);
  }
  return { rows: matrix.rows, columns: count, values };
}

/** Matrices of the same columns one below the other. */
export function stackRows(parts: readonly Matrix[]): Matrix {
  const columns = parts[0]?.columns ?? 0;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const values = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    values.set(part.values, at);
    at += part.values.length;
  }
  return { rows, columns, values };
}

export function rowOf({ columns, values }: Matrix, row: number): Float64Array {
  return values.subarray(row * columns, (row + 1) * columns);
}

/** Mean of each column; 0 without rows. */
export function columnMeans(matrix: Matrix): Float64Array {
  const means = new Float64Array(matrix.columns);
  for (let row = 0; row < matrix.rows; row += 1) {
    addScaled(means, rowOf(matrix, row), 1 / matrix.rows);
  }
  return means;
}

/** target += factor * source */
export function addScaled(target: Float64Array, source: Float64Array, factor: number): void {
  for (let i = 0; i < target.length; i += 1) {
    target[i] = (target[i] as number) + factor * (source[i] as number);
  }
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
