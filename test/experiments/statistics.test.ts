import { deviation, mean, pairedTTest } from '../../lib/experiments/statistics';

test('mean and sample deviation of what is defined', () => {
  expect(mean([1, null, 2, 4])).toBeCloseTo(7 / 3, 12);
  expect(deviation([1, null, 2, 4])).toBeCloseTo(1.5275252316519465, 12);
  expect([mean([]), mean([null]), deviation([]), deviation([1, null])]).toEqual(
    Array(4).fill(null),
  );
});

// Of scipy.stats.ttest_rel, 1.16.
test.each([
  [[1, 2, 3, 4.5], [1.5, 2.1, 2.9, 5.5], 0.22019347905907577],
  [[0.938, 0.941, 0.929, 0.95, 0.933], [0.944, 0.95, 0.936, 0.955, 0.934], 0.01346507542438853],
  [[1, 2.5], [2, 2], 0.7951672353008665],
])('paired t-test of %j and %j', (a, b, p) => {
  expect(pairedTTest(a, b)).toBeCloseTo(p, 7);
  expect(pairedTTest(b, a)).toBeCloseTo(p, 7);
  expect(pairedTTest([...a, null, 3], [...b, 5, null])).toBeCloseTo(p, 7);
});

test.each([
  [[], []],
  [[1], [2]],
  [
    [1, null],
    [2, 3],
  ],
  [
    [1, 2],
    [1, 2],
  ],
  [
    [1, 2],
    [2, 3],
  ],
])('no test of %j and %j', (a, b) => {
  expect(pairedTTest(a, b)).toBeNull();
});
