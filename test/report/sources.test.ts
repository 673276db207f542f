import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { makeReport } from '../../lib';
import { nameMethods, tabulateRuns } from '../../lib/report/sources/group';
import { readResults } from '../../lib/report/sources/read';
import { freshPath, removeFresh, errorOf } from '../training/fixture';
import { comparison, probes, search, sensitivity, sweep, writeResults } from './fixture';

afterAll(removeFresh);

const ALL = {
  'compare.json': comparison(),
  'sweep.json': sweep(),
  'search.json': search(),
  'probes.json': probes(),
  'sensitivity.json': sensitivity(),
};

test('every form of result is read as it was written', async () => {
  const files = await readResults(writeResults(freshPath(), ALL));
  expect(files.comparison).toEqual(comparison());
  expect(files.sweep).toEqual(sweep());
  expect(files.search).toEqual(search());
  expect(files.probes).toEqual(probes());
  expect(files.sensitivity).toEqual(sensitivity());
});

test('keys that a later version adds are let be', async () => {
  const later = { ...sweep(), added: 1 };
  const files = await readResults(writeResults(freshPath(), { 'sweep.json': later }));
  expect(files.sweep).toEqual(later);
});

test.each([
  ['not JSON', '{"kind": "sweep", ', 'expected JSON'],
  ['another kind', JSON.stringify({ kind: 'comparison' }), 'kind'],
  ['a list', '[]', 'sweep.json'],
  ['a row that is none', JSON.stringify({ ...sweep(), rows: [{ method: 1 }] }), 'rows.0.method'],
  [
    'text for a number',
    JSON.stringify({ ...sweep(), areas: [{ ...sweep().areas[0], to: 'x' }] }),
    'areas.0.to',
  ],
])('a damaged file is named: %s', async (_, content, words) => {
  const folder = freshPath();
  mkdirSync(folder);
  writeFileSync(join(folder, 'sweep.json'), content);
  const error = await errorOf(() => makeReport([folder]));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toContain(join(folder, 'sweep.json'));
  expect(error.message).toContain(words);
});

test('a folder without anything to report is refused, as is no folder', async () => {
  const folder = freshPath();
  const error = await errorOf(() => makeReport([folder]));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain(folder);
  expect(error.message).toContain('compare.json');
  expect((await errorOf(() => makeReport([]))).code).toBe('ERR_CMIR_USAGE');
});

const run = (folder: string, seed: number, hidden: number, mae: number): never =>
  ({
    folder,
    config: { seed, device: 'cpu', threads: seed, model: { hidden } },
    metrics: { test: { MAE: mae, Corr: null }, baseline: { test: { MAE: 1.5 } } },
    history: [],
  }) as never;

test('runs that differ in their seed alone are one method', () => {
  const runs = nameMethods([
    run('/runs/a/1', 1, 8, 1),
    run('/runs/a/2', 2, 8, 2),
    run('/runs/b', 1, 16, 4),
  ]);
  expect(runs.map(({ method }) => method)).toEqual(['a', 'a', 'b']);
  const { rows, baselines, methods, seeds } = tabulateRuns('data', runs);
  expect(methods).toEqual(['a', 'b']);
  expect(seeds).toBeNull();
  expect(rows[0]).toEqual({
    method: 'a',
    set: 'clean',
    metric: 'MAE',
    mean: 1.5,
    std: Math.SQRT1_2,
    values: [1, 2],
    p: null,
  });
  expect(rows[1]).toMatchObject({ metric: 'Corr', mean: null, std: null, values: [null, null] });
  expect(rows[2]).toMatchObject({ method: 'b', mean: 4, std: null });
  expect(baselines).toEqual([
    { baseline: 'majority', set: 'clean', metric: 'MAE', mean: 1.5, std: null, values: [1.5] },
  ]);
});

test('methods that would share a name have their folders', () => {
  const runs = nameMethods([run('/x/run', 1, 8, 1), run('/y/run', 1, 16, 1)]);
  expect(runs.map(({ method }) => method)).toEqual(['/x/run', '/y/run']);
});
