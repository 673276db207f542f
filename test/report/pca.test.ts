import { writeFileSync } from 'node:fs';

import { project } from '../../lib/report/pca';
import { findPython } from '../helpers/python';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

/** Points whose columns depend on each other, in no round numbers. */
function cloud(rows: number, columns: number): Float64Array {
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const shared =
      Math.sin(row * 1.7) * (1 + column) + 3 * Math.cos(row * row * 0.31) * (column % 3);
    return shared + 0.3 * Math.sin(row * 12.9898 + column * 78.233) + column;
  });
}

const REFERENCE = `
import json, sys, numpy as np
rows, columns, values = json.load(open(sys.argv[1]))
x = np.array(values).reshape(rows, columns)
x = x - x.mean(0)
u, s, v = np.linalg.svd(x, full_matrices=False)
v = v[:2] * np.sign(v[np.arange(2), np.abs(v[:2]).argmax(1)])[:, None]
print(json.dumps([(x @ v.T).ravel().tolist(), (s[:2] ** 2 / (s ** 2).sum()).tolist()]))
`;

const python = findPython();
(python === undefined ? test.skip : test).each([
  [200, 12],
  [30, 60],
  [50, 2],
])('%i points in %i dimensions have the components that NumPy’s SVD finds', (rows, columns) => {
  const values = cloud(rows, columns);
  const path = freshPath('cloud.json');
  writeFileSync(path, JSON.stringify([rows, columns, [...values]]));
  const [points, explained] = JSON.parse(python?.run(['-c', REFERENCE, path]) ?? '') as [
    number[],
    number[],
  ];
  const found = project(values, rows, columns);
  const size = Math.max(...points.map(Math.abs));
  for (const [i, point] of points.entries()) {
    expect(Math.abs((found.points[i] as number) - point)).toBeLessThan(1e-6 * size);
  }
  expect(found.explained[0]).toBeCloseTo(explained[0] as number, 10);
  expect(found.explained[1]).toBeCloseTo(explained[1] as number, 10);
});

test('points on a line have one component', () => {
  const { points, explained } = project([0, 0, 1, 2, 2, 4], 3, 2);
  expect(explained[0]).toBeCloseTo(1, 12);
  expect(explained[1]).toBeCloseTo(0, 12);
  expect([...points].map((value) => Number(value.toFixed(9)))).toEqual([
    ...[-Math.sqrt(5), 0, 0, 0, Math.sqrt(5), 0].map((value) => Number(value.toFixed(9))),
  ]);
});

test('one column, equal points and a single point give zeros, not NaN', () => {
  expect([...project([1, 2, 3], 3, 1).points]).toEqual([-1, 0, 0, 0, 1, 0]);
  expect(project([1, 2, 3], 3, 1).explained).toEqual([1, 0]);
  expect(project([5, 5, 5, 5], 2, 2)).toEqual({ points: new Float64Array(4), explained: [0, 0] });
  expect([...project([7, 8, 9], 1, 3).points]).toEqual([0, 0]);
});
