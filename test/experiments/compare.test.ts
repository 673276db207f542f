import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { compare } from '../../lib/experiments/compare';
import { tablesOf } from '../../lib/experiments/compare/tables';
import type { Comparison } from '../../lib/experiments/results';
import { toLatex, toMarkdown } from '../../lib/experiments/tables/write';
import { syntheticDataset } from '../../lib/data/synthetic';
import { loadModel } from '../../lib/training/load';

const data = syntheticDataset({ train: 200, valid: 60, test: 80, shifted: 80 });
const OPTIONS = {
  model: { hidden: 16, latent: 4 },
  training: { epochs: 2, batchSize: 64 },
} as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cmir-compare-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const withoutTime = ({ rows, baselines, areas }: Comparison): unknown => ({
  rows,
  baselines,
  areas,
});

test('values do not depend on how many trainings run at once, nor on being stopped in between', async () => {
  const given = { methods: ['fusion', 'cmir-mixed'], seeds: 2, options: OPTIONS };
  const alone = await compare(data, { ...given, parallel: 1 });
  const stop = new AbortController();
  const out = join(folder, 'result');
  await expect(
    compare(data, {
      ...given,
      parallel: 2,
      out,
      signal: stop.signal,
      onRun: () => {
        stop.abort();
      },
    }),
  ).rejects.toMatchObject({ code: 'ERR_CMIR_ABORTED' });
  const again = await compare(data, { ...given, parallel: 2, out });
  expect(withoutTime(again)).toEqual(withoutTime(alone));
  const saved = JSON.parse(await readFile(join(out, 'compare.json'), 'utf8')) as Comparison;
  expect(withoutTime(saved)).toEqual(withoutTime(alone));
  expect(saved.runs['cmir-mixed']).toEqual(['cmir-mixed/seed-1', 'cmir-mixed/seed-2']);
  for (const file of ['compare.md', 'compare.tex', 'fusion/seed-2/metrics.json']) {
    expect((await stat(join(out, file))).size).toBeGreaterThan(0);
  }
});

test('a row holds the metric of each seed’s model on the very test set', async () => {
  const out = join(folder, 'result');
  const { rows, sets } = await compare(data, {
    methods: ['fusion', 'augmentation'],
    seeds: 2,
    options: OPTIONS,
    baselines: false,
    out,
  });
  expect(sets.map(({ name }) => name)).toEqual([
    ...['clean', 'shifted', 'gaussian:0.7', 'gaussian:1.4', 'erase:0.5', 'erase:0.7'],
    ...['modality:1@audio', 'modality:1@text', 'modality:1@vision'],
  ]);
  using model = await loadModel(join(out, 'augmentation', 'seed-2'));
  const noise = { kind: 'gaussian', intensity: 1.4, seed: 0 } as const;
  const { metrics } = await model.evaluate(data.test, { noise });
  const row = rows.find(
    ({ method, set, metric }) =>
      method === 'augmentation' && set === 'gaussian:1.4' && metric === 'MAE',
  );
  expect(row?.values[1]).toBe(metrics['MAE']);
  expect(row?.values[0]).not.toBe(metrics['MAE']);
});

test('baselines: the majority once, each modality alone by seed, on sets without noise', async () => {
  const { baselines } = await compare(data, { methods: ['fusion'], seeds: 2, options: OPTIONS });
  const names = new Set(baselines.map(({ baseline }) => baseline));
  expect(names).toEqual(new Set(['majority', 'text', 'audio', 'vision']));
  expect(new Set(baselines.map(({ set }) => set))).toEqual(new Set(['clean', 'shifted']));
  const of = (name: string): number | undefined =>
    baselines.find(({ baseline, metric }) => baseline === name && metric === 'MAE')?.values.length;
  expect([of('majority'), of('text')]).toEqual([1, 2]);
});

test('tables mark the best and what is significant, and escape what they must', () => {
  const cell = { std: 0.01, values: [] };
  const row = (
    method: string,
    mean: number,
    p_holm: number | null,
  ): Comparison['rows'][number] => ({
    ...cell,
    ...{ method, set: 'clean', metric: 'MAE', mean, p: p_holm, p_holm },
  });
  const comparison = {
    task: 'regression',
    methods: ['a_b', 'c|d', 'e'],
    sets: [{ name: 'clean', split: 'test', noise: null }],
    rows: [row('a_b', 0.9, null), row('c|d', 0.8, 0.003), row('e', 0.85, 0.04)],
    baselines: [
      { ...cell, baseline: 'majority', set: 'clean', metric: 'MAE', mean: 1.4, std: null },
    ],
  } as unknown as Comparison;
  const [mae] = tablesOf(comparison);
  if (mae === undefined) throw new Error('no table');
  expect(toMarkdown(mae).split('\n')).toEqual([
    '| MAE (lower is better) | clean |',
    '| --- | ---: |',
    '| a_b | 0.900 ± 0.010 |',
    '| c\\|d | **0.800 ± 0.010**\\*\\* |',
    '| e | 0.850 ± 0.010\\* |',
    '| majority | 1.400 |',
  ]);
  expect(toLatex(mae)).toContain('a\\_b & $0.900 \\pm 0.010$ \\\\');
  expect(toLatex(mae)).toContain('c|d & $\\mathbf{0.800 \\pm 0.010}^{**}$ \\\\');
});

test.each([
  [
    { methods: ['fusion', 'cmir-mixd'] },
    /unknown method 'cmir-mixd', .*; did you mean 'cmir-mixed'\?/,
  ],
  [{ methods: [] }, /at least one method/],
  [{ seeds: 0 }, /at least one method and one seed/],
  [{ tuned: '/nowhere' }, /nowhere.*cmir search/],
])('%j is refused before anything is trained', async (given, message) => {
  const trained: unknown[] = [];
  await expect(compare(data, { ...given, onRun: (run) => trained.push(run) })).rejects.toThrow(
    message,
  );
  expect(trained).toEqual([]);
});
