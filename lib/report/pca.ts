/** The main directions of a cloud of points. */
export interface Projection {
  /** [rows, 2] row-major: the points, less their mean, along the two directions of largest variance. */
  readonly points: Float64Array;
  /** Shares of the whole variance; 0 where points do not vary. */
  readonly explained: readonly [number, number];
}

/** Directions that are iterated beside the two, so that close variances are told apart sooner. */
const EXTRA = 6;
const MOST_ITERATIONS = 500;
const TOLERANCE = 1e-12;

/**
 * Principal component analysis in float64 of `values`, [rows, columns] row-major, to two components, by subspace
 * iteration on the covariance matrix. A direction's sign is such that its largest entry is positive.
 */
export function project(values: ArrayLike<number>, rows: number, columns: number): Projection {
  const centred = centre(values, rows, columns);
  const covariance = covarianceOf(centred, rows, columns);
  let variance = 0;
  for (let j = 0; j < columns; j += 1) variance += covariance[j * columns + j] as number;
  const count = Math.min(columns, 2 + EXTRA);
  const directions = mainDirections(covariance, columns, count);
  const points = new Float64Array(rows * 2);
  const explained: [number, number] = [0, 0];
  for (let c = 0; c < Math.min(2, columns); c += 1) {
    const direction = directions[c] as Float64Array;
    let squares = 0;
    for (let row = 0; row < rows; row += 1) {
      const along = dot(centred.subarray(row * columns, (row + 1) * columns), direction);
      points[row * 2 + c] = along;
      squares += along * along;
    }
    explained[c] = variance > 0 ? squares / rows / variance : 0;
  }
  return { points, explained };
}

function centre(values: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const centred = Float64Array.from({ length: rows * columns }, (_, i) => values[i] as number);
  for (let j = 0; j < columns; j += 1) {
    let mean = 0;
    for (let row = 0; row < rows; row += 1) mean += (centred[row * columns + j] as number) / rows;
    for (let row = 0; row < rows; row += 1) (centred[row * columns + j] as number) -= mean;
  }
  return centred;
}

function covarianceOf(centred: Float64Array, rows: number, columns: number): Float64Array {
  const covariance = new Float64Array(columns * columns);
  for (let row = 0; row < rows; row += 1) {
    const point = centred.subarray(row * columns, (row + 1) * columns);
    for (let i = 0; i < columns; i += 1) {
      const value = (point[i] as number) / rows;
      for (let j = i; j < columns; j += 1) {
        (covariance[i * columns + j] as number) += value * (point[j] as number);
      }
    }
  }
  for (let i = 0; i < columns; i += 1) {
    for (let j = 0; j < i; j += 1) {
      covariance[i * columns + j] = covariance[j * columns + i] as number;
    }
  }
  return covariance;
}

/** Orthonormal directions, that of largest variance first. */
function mainDirections(covariance: Float64Array, columns: number, count: number): Float64Array[] {
  let directions = orthonormal(startingDirections(columns, count));
  for (let iteration = 0; iteration < MOST_ITERATIONS; iteration += 1) {
    const next = orthonormal(directions.map((direction) => product(covariance, direction)));
    const moved = Math.max(
      ...next
        .slice(0, 2)
        .map((direction, c) => 1 - Math.abs(dot(direction, directions[c] as Float64Array))),
    );
    directions = next;
    if (moved < TOLERANCE) break;
  }
  return directions.map(withPositiveLargest);
}

/** Fixed, so that the same codes always give the same picture, and in no special position. */
function startingDirections(columns: number, count: number): Float64Array[] {
  return Array.from({ length: count }, (_, c) =>
    Float64Array.from({ length: columns }, (_, j) => Math.sin((c + 1) * (j + 1) * 0.7 + c)),
  );
}

/** Gram and Schmidt's, twice over for float64; where nothing is left of one it becomes zeros. */
function orthonormal(vectors: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const vector of vectors) {
    const rest = Float64Array.from(vector);
    const before = Math.sqrt(dot(rest, rest));
    for (const other of [...done, ...done]) {
      const along = dot(rest, other);
      for (let j = 0; j < rest.length; j += 1) (rest[j] as number) -= along * (other[j] as number);
    }
    const norm = Math.sqrt(dot(rest, rest));
    const scale = norm > 1e-13 * before && norm > 0 ? 1 / norm : 0;
    done.push(rest.map((value) => value * scale));
  }
  return done;
}

function product(matrix: Float64Array, vector: Float64Array): Float64Array {
  const size = vector.length;
  return Float64Array.from({ length: size }, (_, i) =>
    dot(matrix.subarray(i * size, (i + 1) * size), vector),
  );
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let j = 0; j < a.length; j += 1) sum += (a[j] as number) * (b[j] as number);
  return sum;
}

function withPositiveLargest(vector: Float64Array): Float64Array {
  const largest = vector.reduce(
    (most, value) => (Math.abs(value) > Math.abs(most) ? value : most),
    0,
  );
  return largest < 0 ? vector.map((value) => -value) : vector;
}
