import { writeFileSync } from 'node:fs';

import { cholesky, solveCholesky } from '../../../lib/experiments/probes/cholesky';
import { explainedShares } from '../../../lib/experiments/probes/explained';
import {
  addScaled,
  joinColumns,
  matrixOf,
  oneHot,
  rowOf,
  type Matrix,
} from '../../../lib/experiments/probes/matrix';
import { fitRidge, predictRidge } from '../../../lib/experiments/probes/ridge';
import { accuracy, meanR2 } from '../../../lib/experiments/probes/scores';
import { keyedGenerator, normalSource } from '../../../lib/data/random';
import { findPython } from '../../helpers/python';
import { freshPath, removeFresh } from '../../training/fixture';

afterAll(removeFresh);

function normals(rows: number, columns: number, key: number): Matrix {
  const normal = normalSource(keyedGenerator(5, key));
  return matrixOf(Float64Array.from({ length: rows * columns }, normal), columns);
}

/** left . right */
function product(left: Matrix, right: Matrix): Matrix {
  const values = new Float64Array(left.rows * right.columns);
  const out = { rows: left.rows, columns: right.columns, values };
  for (let i = 0; i < left.rows; i += 1) {
    rowOf(left, i).forEach((value, k) => {
      addScaled(rowOf(out, i), rowOf(right, k), value);
    });
  }
  return out;
}

function lists(matrix: Matrix): number[][] {
  return Array.from({ length: matrix.rows }, (_, row) => [...rowOf(matrix, row)]);
}

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>, digits = 10): void {
  expect(found).toHaveLength(expected.length);
  for (let i = 0; i < found.length; i += 1) {
    expect(found[i]).toBeCloseTo(expected[i] as number, digits);
  }
}

describe('Cholesky', () => {
  test('gives the triangle of a matrix of which it is known', () => {
    const a = matrixOf([4, 12, -16, 12, 37, -43, -16, -43, 98], 3);
    expect([...cholesky(a).values]).toEqual([2, 0, 0, 6, 1, 0, -8, 5, 3]);
  });

  test('solves for several right sides at once and leaves them as they are', () => {
    const lower = matrixOf([2, 0, 0, -1, 3, 0, 0.5, 0.25, 1], 3);
    const upper = matrixOf([2, -1, 0.5, 0, 3, 0.25, 0, 0, 1], 3);
    const x = matrixOf([1, 2, -3, 4, 5, -6], 2);
    const b = product(lower, product(upper, x));
    const before = [...b.values];
    expectClose(solveCholesky(cholesky(product(lower, upper)), b).values, x.values);
    expect([...b.values]).toEqual(before);
  });

  test.each([
    ['indefinite', [1, 2, 2, 1]],
    ['singular', [1, 1, 1, 1]],
    ['not numbers', [NaN, 0, 0, 1]],
  ])('refuses a matrix that is %s', (_, values) => {
    expect(() => cholesky(matrixOf(values, 2))).toThrow(RangeError);
  });
});

describe('ridge regression', () => {
  test('of one column is what can be had by hand', async () => {
    const ridge = await fitRidge(matrixOf([1, 3], 1), matrixOf([10, 30], 1));
    // Standardised -1 and 1, centred -10 and 10: 20 / (2 + 0.002).
    expectClose(ridge.weights.values, [20 / 2.002]);
    const found = predictRidge(ridge, matrixOf([2, 3, 5], 1));
    expectClose(found.values, [20, 20 + 20 / 2.002, 20 + 60 / 2.002]);
  });

  test('takes nothing from columns that do not vary, and shares among equal ones', async () => {
    const x = normals(50, 1, 1);
    const constant = matrixOf(new Float64Array(50).fill(0.1), 1);
    const y = matrixOf(
      x.values.map((value) => 3 * value + 1),
      1,
    );
    const { weights } = await fitRidge(joinColumns([x, constant, x]), y);
    expect(weights.values[1]).toBe(0);
    expectClose([weights.values[0] as number], [weights.values[2] as number], 6);
  });

  test('with more columns than rows still has one answer', async () => {
    const ridge = await fitRidge(normals(8, 30, 2), normals(8, 2, 3));
    expect(ridge.weights.values.every(Number.isFinite)).toBe(true);
  });
});

describe('scores', () => {
  test('R^2 is the mean over columns that vary, and may be negative', () => {
    const targets = matrixOf([0, 5, 1, 5, 2, 5], 2);
    expect(meanR2(targets, targets)).toBe(1);
    expect(meanR2(matrixOf([1, 0, 1, 0, 1, 0], 2), targets)).toBe(0);
    expect(meanR2(matrixOf([2, 5, 1, 5, 0, 5], 2), targets)).toBe(-3);
    const two = matrixOf([0, 0, 1, 1], 2);
    expect(meanR2(matrixOf([0, 0.5, 1, 0.5], 2), two)).toBe(0.5);
  });

  test('R^2 of targets that do not vary, or of one row, is undefined', () => {
    expect(meanR2(matrixOf([1, 2], 1), matrixOf([0.1, 0.1], 1))).toBeNull();
    expect(meanR2(matrixOf([1], 1), matrixOf([2], 1))).toBeNull();
    expect(meanR2(matrixOf([], 1), matrixOf([], 1))).toBeNull();
  });

  test('accuracy takes the first of equal scores, and is undefined without rows', () => {
    const scores = matrixOf([1, 0, 0.2, 0.9, 0.5, 0.5], 2);
    expect(accuracy(scores, oneHot([0, 1, 0], 2))).toBe(1);
    expect(accuracy(scores, oneHot([1, 1, 1], 2))).toBeCloseTo(1 / 3);
    expect(accuracy(matrixOf([], 2), oneHot([], 2))).toBeNull();
  });
});

describe('explained shares', () => {
  const factors = normals(400, 3, 4);
  const other = normals(400, 2, 5);

  test('of a code that is a sum of uncorrelated parts are their parts of the variance', () => {
    // Columns of a Hadamard matrix are orthogonal and of mean 0.
    const a = [1, -1, 1, -1, 1, -1, 1, -1];
    const b = [1, 1, -1, -1, 1, 1, -1, -1];
    const c = [1, 1, 1, 1, -1, -1, -1, -1];
    const codes = joinColumns([
      matrixOf(
        a.map((value, i) => 2 * value + (b[i] as number) + 7),
        1,
      ),
      matrixOf(
        c.map((value, i) => value + 2 * (b[i] as number)),
        1,
      ),
    ]);
    const shares = explainedShares(codes, [matrixOf(a, 1), matrixOf(b, 1)]) as number[];
    expectClose(shares, [0.4, 0.5]);
    expectClose(explainedShares(codes, [matrixOf(b, 1), matrixOf(a, 1)]) as number[], [0.5, 0.4]);
  });

  test('columns that depend on others, and constant ones, add nothing', () => {
    const codes = joinColumns([factors, other]);
    const [alone] = explainedShares(codes, [factors]);
    const ones = matrixOf(new Float64Array(400).fill(0.1), 1);
    const [whole, again] = explainedShares(codes, [joinColumns([factors, ones, factors]), factors]);
    expect(whole).toBeCloseTo(alone as number, 12);
    expect(again).toBe(0);
  });

  test('are undefined for codes that do not vary and for too few rows', () => {
    const still = matrixOf(new Float64Array(800).fill(0.1), 2);
    expect(explainedShares(still, [factors, other])).toEqual([null, null]);
    expect(explainedShares(normals(5, 2, 6), [normals(5, 3, 7), normals(5, 1, 8)])).toEqual([
      null,
      null,
    ]);
    expect(explainedShares(normals(6, 2, 6), [normals(6, 3, 7), normals(6, 1, 8)])).not.toContain(
      null,
    );
  });
});

test('numpy finds the same', async () => {
  const python = findPython();
  if (python === undefined) return;
  const latent = normals(300, 4, 9);
  const codes = joinColumns([
    product(latent, normals(4, 6, 10)),
    matrixOf(new Float64Array(300).fill(0.3), 1),
    normals(300, 3, 11),
  ]);
  const slice = (matrix: Matrix, begin: number, end: number): Matrix =>
    matrixOf(matrix.values.slice(begin * matrix.columns, end * matrix.columns), matrix.columns);
  const numbers = product(latent, normals(4, 2, 12));
  const classes = oneHot(
    Array.from({ length: 300 }, (_, row) =>
      (latent.values[4 * row] as number) > 0.3 ? 2 : row % 2,
    ),
    3,
  );
  const groups = [joinColumns([numbers, normals(300, 1, 13)]), classes];
  const problem = (kind: string, target: Matrix): object => ({
    kind,
    fit: lists(slice(codes, 0, 200)),
    held: lists(slice(codes, 200, 300)),
    known: lists(slice(target, 0, 200)),
    wanted: lists(slice(target, 200, 300)),
  });
  const path = freshPath('problems.json');
  writeFileSync(
    path,
    JSON.stringify([
      problem('ridge', numbers),
      problem('classes', classes),
      { kind: 'shares', codes: lists(codes), groups: groups.map(lists) },
    ]),
  );
  const [r2, right, shares] = JSON.parse(python.run(['test/python/probes.py', path])) as [
    number,
    number,
    number[],
  ];
  const predictions = async (target: Matrix): Promise<Matrix> =>
    predictRidge(
      await fitRidge(slice(codes, 0, 200), slice(target, 0, 200)),
      slice(codes, 200, 300),
    );
  expect(meanR2(await predictions(numbers), slice(numbers, 200, 300))).toBeCloseTo(r2, 10);
  expect(accuracy(await predictions(classes), slice(classes, 200, 300))).toBeCloseTo(right, 12);
  expectClose(explainedShares(codes, groups) as number[], shares);
});
