import { areaRows, curvesOf, resultRows, type MethodOutcomes } from '../../lib/experiments/rows';
import { parseSet, sweepSets } from '../../lib/experiments/sets';
import type { Metrics } from '../../lib/metrics';

const sets = ['erase:0.5', 'clean', 'erase:0.1', 'erase:0.7', 'erase:1', 'shifted'].map(parseSet);
const curve = (...mae: (number | null)[]): Record<string, Metrics> =>
  Object.fromEntries(
    ['clean', 'erase:0.1', 'erase:0.5', 'erase:0.7', 'erase:1', 'shifted'].map((set, i) => [
      set,
      { MAE: mae[i] ?? null, Corr: mae[i] ?? null },
    ]),
  );
const methods: MethodOutcomes[] = [
  {
    method: 'a',
    seeds: [1, 2],
    outcomes: [curve(1, 1.2, 1.1, 1.9, 5), curve(1, 1.2, 1.1, 1.9, 6)],
  },
  { method: 'b', seeds: [1, 2], outcomes: [curve(2, 3, 3, 4, null), curve(1, 3, 3, 3, 1)] },
  { method: 'c', seeds: [1, 3], outcomes: [curve(2, null, 3, 4), curve(1, null, 3, 2)] },
];

test('a row a set, metric and method; p where the seeds are the same', () => {
  const rows = resultRows(methods, sets, ['MAE']);
  expect(rows).toHaveLength(6 * 3);
  const row = (method: string, set: string) =>
    rows.find((each) => each.method === method && each.set === set);
  expect(row('b', 'clean')).toEqual({
    ...{ method: 'b', set: 'clean', metric: 'MAE', mean: 1.5, values: [2, 1] },
    ...{ std: Math.SQRT1_2, p: expect.closeTo(0.5, 6) as number },
    // One test alone needs no correction; of two seeds, one with no difference, no rank can tell.
    ...{ p_holm: expect.closeTo(0.5, 6) as number, p_wilcoxon: 1, ci: [1, 2] },
  });
  expect(row('a', 'clean')).toMatchObject({ mean: 1, std: 0, p: null });
  expect(row('b', 'erase:1')).toMatchObject({ mean: 1, std: null, values: [null, 1], p: null });
  expect(row('c', 'clean')).toMatchObject({ mean: 1.5, p: null });
  expect(row('c', 'erase:0.1')).toMatchObject({ mean: null, std: null, values: [null, null] });
});

test('areas are trapezoids over levels to 0.7, from clean on', () => {
  const metrics = ['MAE', 'Corr'];
  const rows = resultRows(methods, sets, metrics);
  const areas = areaRows(rows, sets, ['a', 'b', 'c'], metrics);
  const common = { kind: 'erase', modalities: 'all', to: 0.7 };
  expect(areas).toHaveLength(6);
  expect(areas[0]).toEqual({
    ...{
      ...common,
      method: 'a',
      metric: 'MAE',
      area: expect.closeTo(1.2428571428571427, 12) as number,
    },
    ...{ drop: expect.closeTo(0.9, 12) as number, worst: 1.9 },
  });
  expect(areas[2]).toMatchObject({ method: 'c', area: null, drop: null, worst: null, to: 0.7 });
  // Of what is better the higher, the lowest is the worst.
  expect(areas[3]).toMatchObject({ method: 'a', metric: 'Corr', worst: 1 });
});

test('a curve a kind and its modalities, where there is a clean set to begin with', () => {
  const sweep = sweepSets(['text', 'audio'], false, { kinds: ['gaussian', 'modality'] });
  const curves = curvesOf(sweep);
  expect(curves.map(({ kind, modalities }) => `${kind}@${modalities}`)).toEqual([
    ...['gaussian@all', 'gaussian@text', 'gaussian@audio'],
    ...['modality@all', 'modality@text', 'modality@audio'],
  ]);
  for (const { points } of curves) {
    expect(points.map(({ level }) => level)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(points[0]?.set).toBe('clean');
  }
  expect(curvesOf(sweep, 2)[0]?.points.at(-1)).toEqual({ level: 1.4, set: 'gaussian:1.4' });
  expect(curvesOf(sweep.slice(1))).toEqual([]);
  expect(curvesOf(['clean', 'gaussian:1.4'].map(parseSet))).toEqual([]);
});
