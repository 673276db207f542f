import { addScaled, columnMeans, dot, rowOf, type Matrix } from './matrix';

/** A column is a combination of those before it when less than this share of its length is left. */
const DEPENDENT = 1e-8;

/**
 * Shares of the variance of `codes` [n, d], summed over all columns of the codes as they are (not standardised), that
 * groups of factors [n, width] explain: in-sample R^2 of the least squares of the codes on the factors, with an
 * intercept and without ridge. With V = |Z - mean Z|^2 and R(G) = |projection of Z - mean Z on the centred columns
 * of G|^2,
 *
 *     share of the first group   R(G_1) / V
 *     share of group g           (R(G_1, ..., G_g) - R(G_1, ..., G_g-1)) / V
 *
 * so a group's share is what it adds to the groups before it (type I sums of squares), and shares add up to the R^2 of
 * all. Where groups are independent the order does not matter: a share is that of the group alone and its unique one
 * too. Columns that depend linearly on others, as of one-hot classes, count once.
 *
 * Null where the codes do not vary, and for all groups where there are no more rows than columns and an intercept,
 * which would explain anything.
 */
export function explainedShares(codes: Matrix, groups: readonly Matrix[]): (number | null)[] {
  const columns = groups.reduce((sum, group) => sum + group.columns, 0);
  const centred = centredColumns(codes);
  const variance = centred.reduce((sum, column) => sum + dot(column, column), 0);
  if (variance === 0 || codes.rows <= columns + 1) return groups.map(() => null);
  const basis: Float64Array[] = [];
  return groups.map((group) => {
    let explained = 0;
    for (const column of centredColumns(group)) {
      const direction = orthonormal(column, basis);
      if (direction === undefined) continue;
      basis.push(direction);
      explained += centred.reduce((sum, code) => sum + dot(direction, code) ** 2, 0);
    }
    return explained / variance;
  });
}

/** What is left of a vector beside an orthonormal basis, as a unit vector; undefined where nothing is. Gram-Schmidt, twice for accuracy. */
function orthonormal(
  vector: Float64Array,
  basis: readonly Float64Array[],
): Float64Array | undefined {
  const rest = vector.slice();
  for (let pass = 0; pass < 2; pass += 1) {
    for (const direction of basis) addScaled(rest, direction, -dot(direction, rest));
  }
  const length = Math.sqrt(dot(rest, rest));
  const whole = Math.sqrt(dot(vector, vector));
  if (!(length > DEPENDENT * whole)) return undefined;
  return rest.map((value) => value / length);
}

/** The columns, each less its mean; one that is constant up to rounding is 0. */
function centredColumns(matrix: Matrix): Float64Array[] {
  const means = columnMeans(matrix);
  return Array.from(means, (mean, column) => {
    const values = Float64Array.from(
      { length: matrix.rows },
      (_, row) => rowOf(matrix, row)[column] as number,
    );
    const first = values[0];
    return values.every((value) => value === first) ? values.fill(0) : values.map((v) => v - mean);
  });
}
