import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { sweepCsv } from '../../lib/experiments/files';
import type { Sweep } from '../../lib/experiments/results';
import { robustnessOfRuns } from '../../lib/experiments/runs';
import { saveSource } from '../../lib/training/source';
import { train } from '../../lib/training/train';
import { cmir, tablesOf, writeTables } from '../helpers/program';
import { freshPath, removeFresh, TINY, tinyDataset } from '../training/fixture';

const dataset = tinyDataset();
const data = writeTables(freshPath('data'), tablesOf(dataset));
const root = freshPath('runs');
const [one, two, other] = ['a/1', 'a/2', 'b'].map((name) => join(root, name)) as [
  string,
  string,
  string,
];
const FEW = ['--kinds', 'erase,modality', '--levels', '0.3,0.7', '--device', 'cpu'];

beforeAll(async () => {
  for (const [out, seed, dropout] of [
    [one, 1, 0],
    [two, 2, 0],
    [other, 1, 0.2],
  ] as const) {
    const options = { ...TINY, seed, model: { ...TINY.model, dropout } };
    (await train(dataset, options, { out })).model.dispose();
    await saveSource(out, data);
  }
});
afterAll(removeFresh);

const sweepOf = (runs: string[], extra: object = {}) =>
  robustnessOfRuns(runs, {
    kinds: ['erase', 'modality'],
    levels: [0.3, 0.7],
    device: 'cpu',
    ...extra,
  });

test('--json prints the library’s sweep, and nothing to standard error when quiet', async () => {
  const args = ['robustness', one, two, other, ...FEW, '--seed', '5', '--draws', '2'];
  const { code, stdout, stderr } = await cmir([...args, '--json', '--quiet']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { provenance, ...sweep } = JSON.parse(stdout) as Sweep;
  const { provenance: expectedProvenance, ...expected } = await sweepOf([one, two, other], {
    seed: 5,
    draws: 2,
  });
  expect(sweep).toEqual(expected);
  expect(provenance.data).toBe(expectedProvenance.data);
  expect(provenance.command).toBe(['cmir', ...args, '--json', '--quiet'].join(' '));
});

test('prints tables of methods by levels, and writes the sweep into --out', async () => {
  const out = join(freshPath('out'), 'deeper');
  const { code, stdout, stderr } = await cmir([
    'robustness',
    one,
    two,
    other,
    ...FEW,
    '--out',
    out,
  ]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: [1, 2, 3].map((i) => `run ${String(i)} of 3: 16 test sets\n`).join(''),
  });
  const sweep = await sweepOf([one, two, other]);
  const value = (method: string, set: string): string =>
    (
      sweep.rows.find(
        (row) => row.method === method && row.set === set && row.metric === 'MAE',
      ) as Sweep['rows'][0]
    ).mean?.toFixed(4) as string;
  const blocks = stdout.trim().split('\n\n');
  expect(blocks.map((block) => block.split('\n')[0])).toEqual([
    ...['MAE, erase on all', 'MAE, erase on text', 'MAE, erase on audio'],
    ...['MAE, modality on all', 'MAE, modality on text', 'MAE, modality on audio'],
    'MAE, other test sets',
  ]);
  const lines = (blocks[1] as string).split('\n').map((line) => line.trim().split(/\s{2,}/));
  const area = sweep.areas.find(
    (row) => row.kind === 'erase' && row.modalities === 'text' && row.metric === 'MAE',
  );
  expect(lines.slice(1, 3)).toEqual([
    ['0', '0.3', '0.7', 'area to 0.7'],
    [
      ...['a', value('a', 'clean'), value('a', 'erase:0.3@text'), value('a', 'erase:0.7@text')],
      area?.area?.toFixed(4),
    ],
  ]);
  expect(blocks.at(-1)).toContain('modality:1@audio  modality:1@text  shifted');
  const saved = JSON.parse(readFileSync(join(out, 'sweep.json'), 'utf8')) as Sweep;
  expect(saved.rows).toEqual(sweep.rows);
  expect(readFileSync(join(out, 'sweep.csv'), 'utf8')).toBe(sweepCsv(sweep));
});

test('another data set, and another metric', async () => {
  const moved = writeTables(freshPath('moved'), tablesOf(tinyDataset(2)));
  const args = ['robustness', one, moved, ...FEW, '--metric', 'Corr', '--quiet'];
  const { code, stdout } = await cmir(args);
  expect(code).toBe(0);
  const sweep = await sweepOf([one], { dataset: moved });
  const clean = sweep.rows.find(({ set, metric }) => set === 'clean' && metric === 'Corr');
  expect(stdout).toContain(`Corr, erase on all\n`);
  expect(stdout).toContain(clean?.mean?.toFixed(4));
});

test.each<[string, string[], string]>([
  ['an unknown kind', ['--kinds', 'erase,fog'], "--kinds: found kind 'fog', expected one of"],
  ['a level that is none', ['--levels', '0.1,,0.2'], "--levels: found ''"],
  ['level 0', ['--levels', '0'], 'levels: found 0, expected numbers above 0'],
  ['no draws', ['--draws', '0'], "--draws: found '0', expected an integer of at least 1"],
  ['a seed that is none', ['--seed', '-1'], "--seed: found '-1'"],
  ['an unknown metric', [...FEW, '--metric', 'Acc'], "--metric: found 'Acc', expected one of Has0"],
  ['a data set that is not there', ['nowhere', ...FEW], 'nowhere'],
])('%s is bad usage', async (_, args, message) => {
  const out = freshPath('none');
  const ended = await cmir(['robustness', one, ...args, '--out', out, '--quiet']);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).toContain(message);
  expect(existsSync(out)).toBe(false);
});
