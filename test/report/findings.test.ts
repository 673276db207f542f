import type { ResultRow } from '../../lib/experiments/results';
import { cleanSet, findBest, headlineSet, tally } from '../../lib/report/findings';
import { intervalOf, resultsOf, Results, type ResultFields } from '../../lib/report/results';
import { comparison } from './fixture';

const SETS = [
  { name: 'clean', split: 'test', noise: null },
  ...[0.3, 0.7].map((level) => ({
    name: `gaussian:${String(level)}`,
    split: 'test',
    noise: { kind: 'gaussian' as const, level, modalities: null },
  })),
  {
    name: 'gaussian:1@text',
    split: 'test',
    noise: { kind: 'gaussian' as const, level: 1, modalities: ['text'] },
  },
];

type Cell = readonly [mean: number | null, p?: number | null];

/** Results of one metric: by method, a cell a set. */
function resultsFrom(
  metric: string,
  cells: Readonly<Record<string, readonly Cell[]>>,
  more: Partial<ResultFields> = {},
): Results {
  const rows: ResultRow[] = Object.entries(cells).flatMap(([method, row]) =>
    row.map(([mean, p = null], i) => ({
      method,
      set: SETS[i]?.name ?? '',
      metric,
      mean,
      std: null,
      values: [mean],
      p,
    })),
  );
  return new Results({
    dataset: 'data',
    methods: Object.keys(cells),
    seeds: 1,
    sets: SETS,
    rows,
    baselines: [],
    areas: [],
    ...more,
  });
}

test('the main result is about the highest level of noise on all modalities', () => {
  expect(headlineSet(resultsOf(comparison()))?.name).toBe('gaussian:1.4');
  const results = resultsFrom('MAE', { a: [[1], [1], [1], [1]] });
  expect(headlineSet(results)?.name).toBe('gaussian:0.7');
  expect(cleanSet(results)?.name).toBe('clean');
  // A level that was not measured is no result.
  expect(headlineSet(resultsFrom('MAE', { a: [[1], [1], [null]] }))?.name).toBe('gaussian:0.3');
  expect(headlineSet(resultsFrom('MAE', { a: [[1]] }))).toBeUndefined();
});

test('less error is better, more of a score is better', () => {
  const cells = { a: [[0.9]], b: [[0.8, 0.01]], c: [[0.85, 0.2]] } as const;
  const lower = findBest(resultsFrom('MAE', cells), SETS[0] as never);
  expect([lower?.best.method, lower?.other?.method, lower?.p]).toEqual(['b', 'a', 0.01]);
  const higher = findBest(resultsFrom('Acc', cells), SETS[0] as never);
  // The first method is best: it is measured against the second best, whose p is of this pair.
  expect([higher?.best.method, higher?.other?.method, higher?.p]).toEqual(['a', 'c', 0.2]);
});

test('Holm’s correction counts where it was made', () => {
  const results = resultsFrom('MAE', { a: [[0.9]], b: [[0.8, 0.01]] });
  const rows = results.rows.map((row) => ({ ...row, p_holm: row.p === null ? null : 0.3 }));
  expect(
    findBest(resultsFrom('MAE', {}, { methods: results.methods, rows }), SETS[0] as never)?.p,
  ).toBe(0.3);
});

test('undefined values are passed over; a method alone has no other; nothing measured is no finding', () => {
  const alone = findBest(resultsFrom('MAE', { a: [[null]], b: [[0.8]] }), SETS[0] as never);
  expect([alone?.best.method, alone?.other, alone?.p]).toEqual(['b', undefined, null]);
  expect(findBest(resultsFrom('MAE', { a: [[null]] }), SETS[0] as never)).toBeUndefined();
  expect(findBest(resultsFrom('MAE', {}), SETS[0] as never)).toBeUndefined();
});

test('a method that cannot be compared with the first has no p', () => {
  const found = findBest(
    resultsFrom('MAE', { a: [[null]], b: [[0.8, 0.01]], c: [[0.9, 0.5]] }),
    SETS[0] as never,
  );
  expect([found?.best.method, found?.other?.method, found?.p]).toEqual(['b', 'c', null]);
});

test('a tally counts joint noise alone, and says which differences are significant', () => {
  const results = resultsFrom('MAE', {
    a: [[1], [1], [1], [1]],
    b: [
      [0.5, 0.001],
      [0.9, 0.01],
      [1.1, 0.04],
      [0.1, 0.001],
    ],
  });
  expect(tally(results, 'b')).toEqual({
    method: 'b',
    sets: 2,
    better: 1,
    significantlyBetter: 1,
    significantlyWorse: 1,
    tested: 2,
  });
});

test('an interval is the bootstrap’s, else one standard deviation, else none', () => {
  const row = resultsFrom('MAE', { a: [[1]] }).rows[0] as ResultRow;
  expect(intervalOf({ ...row, std: 0.25, ci: [0.9, 1.2] })).toEqual([0.9, 1.2]);
  expect(intervalOf({ ...row, std: 0.25 })).toEqual([0.75, 1.25]);
  expect(intervalOf(row)).toBeNull();
});

test('the metric asked for comes first, then MAE or Acc; an unknown one changes nothing', () => {
  expect(resultsOf(comparison()).metric).toBe('MAE');
  expect(resultsOf(comparison(), 'Corr').metrics.slice(0, 2)).toEqual(['Corr', 'MAE']);
  expect(resultsOf(comparison({ task: 'classification' })).metric).toBe('Acc');
  expect(resultsOf(comparison(), 'Nothing').metric).toBe('MAE');
});
