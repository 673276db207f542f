import { renameSync } from 'node:fs';
import { join } from 'node:path';

import { sweepCsv } from '../../lib/experiments/files';
import { robustness } from '../../lib/experiments/robustness';
import { groupRuns, robustnessOfRuns, splitArguments } from '../../lib/experiments/runs';
import { parseSet } from '../../lib/experiments/sets';
import { loadModel } from '../../lib/training/load';
import type { Model } from '../../lib/training/model';
import { saveSource } from '../../lib/training/source';
import { train } from '../../lib/training/train';
import { tablesOf, writeTables } from '../helpers/program';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from '../training/fixture';

const data = tinyDataset();
const root = freshPath('runs');
const folder = (...path: string[]) => join(root, ...path);
const dataFolder = writeTables(freshPath('data'), tablesOf(data));
const RUNS = [
  { out: folder('plain', 'seed-2'), seed: 2, hidden: 8 },
  { out: folder('plain', 'seed-1'), seed: 1, hidden: 8 },
  { out: folder('wide'), seed: 1, hidden: 12 },
];
const models: Record<string, Model[]> = { plain: [], wide: [] };

beforeAll(async () => {
  for (const { out, seed, hidden } of RUNS) {
    const options = { ...TINY, seed, model: { ...TINY.model, hidden } };
    (await train(data, options, { out })).model.dispose();
    await saveSource(out, dataFolder);
  }
  const load = (i: number) => loadModel((RUNS[i] as (typeof RUNS)[0]).out, { device: 'cpu' });
  models['plain'] = [await load(1), await load(0)];
  models['wide'] = [await load(2)];
});
afterAll(() => {
  for (const model of Object.values(models).flat()) model.dispose();
  removeFresh();
});

const sets = ['clean', 'gaussian:0.7', 'erase:0.5@text', 'shifted'].map(parseSet);

test('values are those of Model.evaluate under the same noise, by seed', async () => {
  const { rows, areas } = await robustness(models, data, sets, { seed: 4, metrics: ['MAE'] });
  expect(rows.map(({ set, method }) => [set, method])).toEqual(
    sets.flatMap(({ name }) => [
      [name, 'plain'],
      [name, 'wide'],
    ]),
  );
  const [first, second] = models['plain'] as [Model, Model];
  const noise = { kind: 'erase', intensity: 0.5, seed: 4, modalities: ['text'] } as const;
  const erased = rows.find(({ set }) => set === 'erase:0.5@text');
  expect(erased?.values).toEqual([
    (await first.evaluate(data.test, { noise })).metrics['MAE'],
    (await second.evaluate(data.test, { noise })).metrics['MAE'],
  ]);
  const shifted = rows.find(({ set, method }) => set === 'shifted' && method === 'wide');
  expect(shifted?.values).toEqual([
    (await (models['wide']?.[0] as Model).evaluate(data.split('shifted'))).metrics['MAE'],
  ]);
  expect(areas.map(({ kind, modalities, to }) => [kind, modalities, to])).toEqual([
    ...['plain', 'wide'].map(() => ['gaussian', 'all', 0.7]),
    ...['plain', 'wide'].map(() => ['erase', 'text', 0.5]),
  ]);
});

test('several draws are averaged', async () => {
  const [model] = models['wide'] as [Model];
  const of = async (seed: number) =>
    (await model.evaluate(data.test, { noise: { kind: 'gaussian', intensity: 0.7, seed } }))
      .metrics['MAE'] as number;
  const { rows } = await robustness({ wide: [model] }, data, sets, { draws: 3, metrics: ['MAE'] });
  const expected = ((await of(0)) + (await of(1)) + (await of(2))) / 3;
  expect(rows[1]?.values[0]).toBeCloseTo(expected, 12);
});

test('all metrics of the task by default; an undefined one is null', async () => {
  const [model] = models['wide'] as [Model];
  const missing = ['clean', 'modality:1'].map(parseSet);
  const { rows } = await robustness({ wide: [model] }, data, missing);
  expect(rows.find(({ set, metric }) => set === 'clean' && metric === 'Corr')?.mean).not.toBeNull();
  // All that is left is a constant.
  expect(rows.find(({ set, metric }) => set === 'modality:1' && metric === 'Corr')).toMatchObject({
    mean: null,
    values: [null],
  });
  const { rows: drawn } = await robustness({ wide: [model] }, data, missing, { draws: 2 });
  expect(
    drawn.find(({ set, metric }) => set === 'modality:1' && metric === 'Corr')?.mean,
  ).toBeNull();
});

test.each<[string, () => Promise<unknown>, string, string]>([
  [
    'an unknown metric',
    () => robustness(models, data, sets, { metrics: ['Acc'] }),
    'ERR_CMIR_USAGE',
    "metrics: found 'Acc', expected one of Has0_acc_2",
  ],
  [
    'no draw',
    () => robustness(models, data, sets, { draws: 0 }),
    'ERR_CMIR_USAGE',
    'draws: found 0',
  ],
  [
    'an unknown split',
    () => robustness(models, data, [parseSet('moved')]),
    'ERR_CMIR_DATA',
    "no split 'moved'",
  ],
  [
    'an unknown modality',
    () => robustness(models, data, [parseSet('erase:0.5@smell')]),
    'ERR_CMIR_USAGE',
    "noise.modalities: found 'smell'",
  ],
  [
    'a stopped sweep',
    () => robustness(models, data, sets, { signal: AbortSignal.abort() }),
    'ERR_CMIR_ABORTED',
    'stopped',
  ],
])('%s is refused', async (_, act, code, message) => {
  const error = await errorOf(act);
  expect(error.code).toBe(code);
  expect(error.message).toContain(message);
});

test('runs that differ in their seed alone are one method', async () => {
  expect(await groupRuns(RUNS.map(({ out }) => out))).toEqual([
    { method: 'plain', folders: [folder('plain', 'seed-1'), folder('plain', 'seed-2')] },
    { method: 'wide', folders: [folder('wide')] },
  ]);
  expect((await groupRuns([folder('plain', 'seed-1')]))[0]?.method).toBe('seed-1');
});

test('methods whose names would be the same have the paths of their first runs', async () => {
  renameSync(folder('wide'), folder('seed-1'));
  try {
    const runs = [folder('plain', 'seed-1'), folder('seed-1')];
    expect((await groupRuns(runs)).map(({ method }) => method)).toEqual(runs);
  } finally {
    renameSync(folder('seed-1'), folder('wide'));
  }
});

test('the sweep over run folders is that over their models', async () => {
  const options = { kinds: ['gaussian'] as const, levels: [0.7], device: 'cpu' as const };
  const seen: string[] = [];
  const sweep = await robustnessOfRuns(
    RUNS.map(({ out }) => out),
    {
      ...options,
      onProgress: ({ model, models: all, set, sets: many }) =>
        seen.push([model, all, set, many].join()),
    },
  );
  const names = ['clean', 'gaussian:0.7', 'gaussian:0.7@text', 'gaussian:0.7@audio', 'shifted'];
  expect(sweep.sets.map(({ name }) => name)).toEqual(names);
  expect(seen.at(-1)).toBe('3,3,5,5');
  const { rows, areas } = await robustness(models, data, names.map(parseSet));
  expect(sweep).toMatchObject({ kind: 'sweep', methods: ['plain', 'wide'], rows, areas });
  expect(sweep.provenance.data).toMatch(/^[0-9a-f]{64}$/);
  expect(JSON.parse(JSON.stringify(sweep))).toEqual(sweep);

  const lines = sweepCsv(sweep).trim().split('\n');
  expect(lines[0]).toBe('method,set,split,kind,level,modalities,metric,mean,std,p,values');
  expect(lines).toHaveLength(1 + rows.length);
  const row = rows.find(({ set, metric }) => set === 'gaussian:0.7@text' && metric === 'MAE');
  const cells = [row?.mean, row?.std, '', row?.values.join(' ')].join(',');
  expect(lines).toContain(`plain,gaussian:0.7@text,test,gaussian,0.7,text,MAE,${cells}`);
});

test('runs of several data sets need one to be named', async () => {
  const runs = RUNS.map(({ out }) => out);
  await saveSource(folder('wide'), undefined);
  try {
    const error = await errorOf(() => robustnessOfRuns(runs));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(`${folder('wide')}: it was trained on synthetic data`);
    const options = { kinds: ['erase'], levels: [0.5], dataset: dataFolder } as const;
    expect((await robustnessOfRuns(runs, options)).methods).toEqual(['plain', 'wide']);
  } finally {
    await saveSource(folder('wide'), dataFolder);
  }
});

test('a run that is named twice, no run, and a folder without one are refused', async () => {
  const run = folder('wide');
  for (const [runs, code, message] of [
    [[run, join(run, '..', 'wide')], 'ERR_CMIR_USAGE', 'named twice'],
    [[], 'ERR_CMIR_USAGE', 'runs: found none'],
    [[folder('nowhere')], 'ERR_CMIR_CHECKPOINT', 'nowhere'],
  ] as const) {
    const error = await errorOf(() => robustnessOfRuns(runs));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  }
});

test('the last argument is the data set, unless it is a run or the only one', () => {
  const [a, b] = [folder('plain', 'seed-1'), folder('wide')];
  expect(splitArguments([a, b])).toEqual({ runs: [a, b], dataset: undefined });
  expect(splitArguments([a, dataFolder])).toEqual({ runs: [a], dataset: dataFolder });
  expect(splitArguments(['nowhere'])).toEqual({ runs: ['nowhere'], dataset: undefined });
});
