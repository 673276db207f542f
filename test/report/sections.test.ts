import type { Chapter } from '../../lib/report/chapter';
import type { Html } from '../../lib/report/page/html';
import { resultsOf } from '../../lib/report/results';
import type { Charts } from '../../lib/report/section';
import { sectionsOf } from '../../lib/report/sections';
import { ablationRows } from '../../lib/report/sections/ablation';
import { stars, tableSets } from '../../lib/report/sections/comparison';
import { flatConfigs } from '../../lib/report/sections/configuration';
import { curveRows, noiseCurves } from '../../lib/report/sections/curves';
import { mainRows, mainSets } from '../../lib/report/sections/main';
import { missingRows } from '../../lib/report/sections/missing';
import { confusionRows, truthRows } from '../../lib/report/sections/predictions';
import { projectionRows } from '../../lib/report/sections/projection';
import { axisOf, trialRows } from '../../lib/report/sections/search';
import { fewSets, sensitivityRows } from '../../lib/report/sections/sensitivity';
import { metricRows, termRows, trainingSection } from '../../lib/report/sections/training';
import { describeSet, shortSet } from '../../lib/report/words';
import { comparison, search, sensitivity } from './fixture';

const results = resultsOf(comparison());
const plain = (text: string): string => text.replace(/\u00a0/g, ' ');

const EMPTY: Chapter = {
  dataset: 'data',
  methods: [],
  results: [],
  runs: [],
  models: [],
  costs: {},
  configs: {},
  provenances: [],
  notes: [],
};

test('a chapter without data has no section', () => {
  expect(sectionsOf(EMPTY)).toEqual([]);
});

test('the main chart has clean and shifted data and the strongest noise of every kind', () => {
  const sets = mainSets(results);
  expect(sets.map(({ name }) => name)).toEqual([
    ...['clean', 'shifted', 'gaussian:1.4', 'laplace:1.4', 'erase:0.7', 'modality:0.7'],
  ]);
  const rows = mainRows(results, 'MAE', sets);
  expect(rows).toHaveLength(sets.length * results.methods.length);
  const row = results.row('fusion', 'clean', 'MAE');
  expect(rows[0]).toEqual({
    set: 'clean test data',
    method: 'fusion',
    mean: row?.mean,
    low: row?.ci?.[0],
    high: row?.ci?.[1],
  });
});

/** The text of the main result, its spaces plain. */
function mainWords(fields: Parameters<typeof resultsOf>[0]): string {
  const [section] = sectionsOf({ ...EMPTY, results: [resultsOf(fields)] });
  const { text } = section?.blocks[0] as Html;
  return plain(text.replace(/<[^>]*>/g, '')).replace(/\s+/g, ' ');
}

test('the main result says who is best, by how much, how sure that is, and on how many sets', () => {
  const words = mainWords(comparison());
  expect(words).toMatch(
    /Under Gaussian noise 1\.4 \(.*\), cmir-mixed has the best mean of 5 methods and is better than fusion: MAE 1\.1\d\d ± 0\.0\d\d against 1\.2\d\d ± 0\.0\d\d of fusion \(lower is better; \d\.\d % less\); p &lt; 0\.001/,
  );
  expect(words).toMatch(/Over all 30 test sets .* cmir-mixed has a better mean than fusion on \d+/);
  expect(words).toContain('Every method was trained 8 times');
  expect(words).toContain('Holm');
});

test('a difference that may be chance has no winner, and one that was not tested is not called sure', () => {
  const { rows, ...rest } = comparison();
  const unsure = rows.map((row) => ({ ...row, p_holm: row.p === null ? null : 0.4 }));
  const words = mainWords({ ...rest, rows: unsure });
  expect(words).toMatch(
    /By itself that would be significant \(p &lt; 0.001\), but not among 4 tests \(p = 0.4 after Holm’s correction\): no clear winner/,
  );
  expect(words).toContain('significantly better on none, significantly worse on none');
  const chance = rows.map((row) => ({ ...row, p: row.p === null ? null : 0.2, p_holm: null }));
  expect(mainWords({ ...rest, rows: chance })).toMatch(
    /Differences like this are often chance \(p = 0.2\): no clear winner/,
  );
  const once = mainWords(comparison({ seeds: 1 }));
  expect(once).toContain('Whether that is more than chance was not tested');
  expect(once).toContain('differences between seeds are not known');
  expect(once).not.toContain('winner');
});

test('one method alone is told with what a constant reaches', () => {
  const { rows, ...rest } = comparison({ methods: ['cmir'] });
  const sets = rest.sets.filter(({ name }) => name === 'clean');
  expect(mainWords({ ...rest, rows, sets })).toMatch(
    /On clean test data, cmir reaches MAE 0\.9\d\d ± .* lower is better; a constant reaches 1\.420\./,
  );
});

test('a score is told in points', () => {
  expect(mainWords(comparison({ task: 'classification' }))).toMatch(
    /higher is better; \d\.\d points more/,
  );
});

test('a noise curve begins with clean data and rises', () => {
  const curves = noiseCurves(results);
  expect(curves.filter(({ modalities }) => modalities === null).map(({ kind }) => kind)).toEqual([
    ...['gaussian', 'laplace', 'erase', 'modality'],
  ]);
  const [first] = curves;
  if (first === undefined) throw new Error('expected a curve');
  expect(first.sets.map(({ level }) => level)).toEqual([
    ...[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.4],
  ]);
  const rows = curveRows(results, 'MAE', first);
  expect(rows).toHaveLength(9 * results.methods.length);
  expect(rows[0]).toMatchObject({ series: 'fusion', x: 0, set: 'clean' });
  // Two modalities missing altogether are a bar, not a curve.
  expect(curves.some(({ modalities }) => modalities?.length === 2)).toBe(false);
});

test('undefined values are no points', () => {
  const { rows, ...rest } = comparison();
  const holes = rows.map((row) => (row.set === 'gaussian:0.7' ? { ...row, mean: null } : row));
  const [first] = noiseCurves(resultsOf({ ...rest, rows: holes }));
  if (first === undefined) throw new Error('expected a curve');
  const drawn = curveRows(resultsOf({ ...rest, rows: holes }), 'MAE', first);
  expect(drawn).toHaveLength(8 * results.methods.length);
});

test('tables of many sets keep plain ones and the highest levels on all modalities', () => {
  expect(tableSets(results).map(({ name }) => name)).toEqual([
    ...['clean', 'shifted', 'gaussian:0.7', 'gaussian:1.4', 'laplace:0.7', 'laplace:1.4'],
    ...['erase:0.7', 'modality:0.7'],
  ]);
});

test('stars are those of the corrected p', () => {
  const row = { method: 'a', set: 'b', metric: 'c', mean: 1, std: 1, values: [] };
  expect(stars({ ...row, p: 0.0001 })).toBe(' ***');
  expect(stars({ ...row, p: 0.0001, p_holm: 0.02 })).toBe(' *');
  expect(stars({ ...row, p: 0.005 })).toBe(' **');
  expect(stars({ ...row, p: 0.05 })).toBe('');
  expect(stars({ ...row, p: null })).toBe('');
});

test('ablation bars are differences to cmir, with the deviation of paired differences', () => {
  const sets = results.sets.filter(({ name }) => name === 'clean');
  const rows = ablationRows(results, 'MAE', sets);
  expect(rows.map(({ group }) => group)).toEqual(['cmir-no-invariance']);
  const [part, whole] = ['cmir-no-invariance', 'cmir'].map((name) =>
    results.row(name, 'clean', 'MAE'),
  );
  const mean = (part?.mean ?? 0) - (whole?.mean ?? 0);
  const differences = part?.values.map((value, i) => (value ?? 0) - (whole?.values[i] ?? 0)) ?? [];
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  expect(rows[0]?.['mean']).toBeCloseTo(mean, 12);
  expect(rows[0]?.['high']).toBeCloseTo(mean + Math.sqrt(squares / (differences.length - 1)), 12);
});

test('missing modalities: a group a choice, first none', () => {
  const groups = [...new Set(missingRows(results, 'MAE').map(({ group }) => group))];
  expect(groups).toEqual([
    ...['nothing missing', 'no audio', 'no text', 'no vision', 'no audio, text'],
    ...['no audio, vision', 'no text, vision'],
  ]);
});

test('confusions are counted by true class, and classes that do not occur have shares of 0', () => {
  const rows = confusionRows(
    { targets: Float32Array.of(0, 0, 1, 0), predictions: Float32Array.of(0, 1, 1, 0) },
    ['no', 'yes', 'never'],
  );
  expect(rows).toHaveLength(9);
  expect(rows[0]).toEqual({ target: 'no', predicted: 'no', count: 2, share: 2 / 3 });
  expect(rows[1]).toEqual({ target: 'no', predicted: 'yes', count: 1, share: 1 / 3 });
  expect(rows.slice(6).every(({ count, share }) => count === 0 && share === 0)).toBe(true);
});

test('scatters draw a sample that is spread over all examples', () => {
  const values = Float32Array.from({ length: 2000 }, (_, i) => i);
  const rows = truthRows({ targets: values, predictions: values } as never);
  expect(rows).toHaveLength(500);
  expect(rows.at(-1)).toEqual({ target: 1996, predicted: 1996 });
  expect(truthRows({ targets: values.slice(0, 3), predictions: values } as never)).toHaveLength(3);
  const points = { points: Float64Array.of(1, 2, 3, 4), explained: [0.6, 0.4] } as const;
  const targets = Float32Array.of(1, 0);
  expect(projectionRows({ targets, classes: ['no', 'yes'] }, points)).toEqual([
    { x: 1, y: 2, label: 'yes' },
    { x: 3, y: 4, label: 'no' },
  ]);
});

test('training curves leave out terms that are 0 throughout and metrics that are undefined', () => {
  const record = (epoch: number, invariance: number, value: number | null): unknown => ({
    epoch,
    invariance,
    valid: { MAE: value },
  });
  const run = (method: string, invariance: number): never =>
    ({
      method,
      metrics: { best_epoch: 2 },
      history: [record(1, invariance, null), record(2, 0, 0.123456789)],
    }) as never;
  const runs = [run('fusion', 0), run('cmir', 0.5)];
  expect(termRows(runs, 'invariance')).toEqual([
    { method: 'cmir', epoch: 1, value: 0.5, best: false },
    { method: 'cmir', epoch: 2, value: 0, best: true },
  ]);
  expect(metricRows(runs, 'MAE')).toEqual([
    { method: 'fusion', epoch: 2, value: 0.12346, best: true },
    { method: 'cmir', epoch: 2, value: 0.12346, best: true },
  ]);
});

test('a term that a later version adds to the history has its panel, after the known ones', () => {
  const history = [
    { epoch: 1, seconds: 9, fresh: 0.5, loss: 2, valid: { MAE: 1 }, modalities: {} },
  ];
  const run = {
    method: 'cmir',
    config: { seed: 1, training: { metric: 'MAE' } },
    metrics: { best_epoch: 1 },
    history,
  };
  const section = trainingSection({ ...EMPTY, methods: ['cmir'], runs: [run as never] });
  const { figures } = section?.blocks[1] as Charts;
  expect(figures.map(({ name }) => name)).toEqual([
    ...['training-loss', 'training-fresh', 'training-valid-MAE'],
  ]);
  expect(figures[1]?.rows).toEqual([{ method: 'cmir', epoch: 1, value: 0.5, best: true }]);
});

test('trials: the best so far never gets worse, failed ones are left out', () => {
  const rows = trialRows(search());
  expect(rows).toHaveLength(search().trials.filter(({ score }) => score !== null).length);
  const best = rows.map((row) => row['best'] as number);
  expect(best).toEqual([...best].sort((a, b) => b - a));
  expect(axisOf(search().trials, 'training.learningRate')).toBe('log');
  expect(axisOf(search().trials, 'model.dropout')).toBe('number');
  expect(axisOf(search().trials, 'prediction.on')).toBe('name');
});

test('sensitivity is sorted by value, with a band of one deviation', () => {
  const rows = sensitivityRows(
    [...sensitivity()].filter(({ key }) => key === 'environments.count').reverse(),
  );
  expect(rows[0]).toMatchObject({ x: 1, mean: expect.any(Number) as number });
  expect((rows[0]?.['high'] as number) - (rows[0]?.['low'] as number)).toBeCloseTo(0.012, 12);
  expect(rows.map(({ x }) => x)).toEqual([...rows.map(({ x }) => x)].sort());
});

test('of many test sets, sensitivity shows those without noise on one modality alone', () => {
  const [row] = sensitivity();
  const named = (sets: readonly string[]): never => sets.map((set) => ({ ...row, set })) as never;
  const few = ['clean', 'erase:0.5@text'];
  expect(fewSets(named(few))).toHaveLength(2);
  const many = ['clean', 'a:1', 'b:1', 'c:1', 'a:1@text', 'b:1@text', 'c:1@text'];
  expect(fewSets(named(many)).map(({ set }) => set)).toEqual(['clean', 'a:1', 'b:1', 'c:1']);
  expect(fewSets(named(many.map((set) => `${set}@x`)))).toHaveLength(7);
});

test('configurations are flat; environments read as test sets do', () => {
  const settings = flatConfigs({
    configs: {
      a: {
        seed: 0,
        weights: { invariance: 2 },
        environments: [{ kind: 'erase', intensity: 0.1 + 0.2 }],
      },
      b: { seed: 0, environments: [], extra: null },
    },
  });
  expect(settings).toEqual([
    { key: 'weights.invariance', values: ['2', '–'] },
    { key: 'environments', values: ['erase 0.3', 'none'] },
    { key: 'extra', values: ['–', 'null'] },
  ]);
});

test('test sets in words', () => {
  const set = (kind: string, level: number, modalities: string[] | null): never =>
    ({ name: '', split: 'test', noise: { kind, level, modalities } }) as never;
  expect(shortSet(set('gaussian', 0.7, null))).toBe('Gaussian noise 0.7');
  expect(plain(shortSet(set('erase', 0.5, ['text'])))).toBe('Erased values 50 % (text)');
  expect(describeSet(set('gaussian', 0.7, null))).toContain('0.7 times');
  expect(describeSet(set('modality', 1, ['audio', 'vision']))).toBe(
    'audio and vision are missing altogether',
  );
  expect(describeSet(set('unheard', 2, null))).toBe('unheard noise of level 2');
});
