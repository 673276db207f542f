import { existsSync, mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { Dataset, Modality } from '../../lib/data/dataset';
import { loadDataset } from '../../lib/data/load';
import { visitRows } from '../../lib/data/values';
import { cmir, type Ended } from '../helpers/program';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

const folder = freshPath();
const toy = join(folder, 'toy');
const SIZES = ['train=60', 'valid=20', 'test=40', 'shifted=0'].flatMap((set) => ['--set', set]);

async function succeed(...args: string[]): Promise<Ended> {
  const ended = await cmir(['data', ...args]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  return ended;
}

async function refusal(...args: string[]): Promise<string> {
  const ended = await cmir(['data', ...args]);
  expect(ended).toMatchObject({ code: 2, stdout: '' });
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  return ended.stderr;
}

/** The features of the first modality, in memory or in a file. */
async function cellsOf({ modalities }: Dataset): Promise<number[]> {
  const cells: number[] = [];
  await visitRows(modalities[0] as Modality, (chunk) => void cells.push(...chunk));
  return cells;
}

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  await succeed('synthesize', toy, ...SIZES, '--seed', '3', '--set', 'modalities.text=5');
});

describe('synthesize', () => {
  test('writes what syntheticDataset draws', async () => {
    const data = await loadDataset(toy);
    expect(data.size).toBe(120);
    expect(data.modalities.map(({ name, features }) => [name, features])).toEqual([['text', 5]]);
  });

  test('streams the same content into safetensors', async () => {
    const out = join(folder, 'packed');
    const text = ['--set', 'modalities.text=5', '--format', 'safetensors'];
    await succeed('synthesize', out, ...SIZES, '--seed', '3', ...text);
    const [packed, csv] = [await loadDataset(out), await loadDataset(toy)];
    expect(packed.modalities[0]?.values).toEqual(csv.modalities[0]?.values);
    expect(packed.label).toEqual(csv.label);
    expect(packed.ids).toEqual(csv.ids);
  });

  test.each([
    [['--set', 'train'], "--set: found 'train', expected KEY=VALUE"],
    [['--set', '__proto__.x=1'], "--set: found '__proto__.x=1', expected KEY=VALUE"],
    [['--set', 'tarin=5'], "sequence; did you mean 'train'?"],
    [['--set', 'noise=-1'], 'synthetic.noise: found -1, expected a number from 0'],
    [['--format', 'xml'], "--format: found 'xml', expected one of csv, parquet, safetensors, npz"],
  ])('%j is refused', async (args, message) => {
    const out = join(folder, 'refused');
    expect(await refusal('synthesize', out, ...args)).toContain(message);
    expect(existsSync(out)).toBe(false);
  });
});

describe('inspect', () => {
  test('prints a page', async () => {
    const { stdout } = await succeed('inspect', toy);
    expect(stdout).toMatch(/120 examples in train 60, valid 20, test 40/);
    expect(stdout).toMatch(/^text +5 /m);
    expect(stdout).toMatch(/█/);
    expect(
      Math.max(
        ...stdout
          .split('\n')
          .slice(1)
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
  });

  test('--json prints the facts', async () => {
    const { stdout } = await succeed('inspect', toy, '--json');
    const facts = JSON.parse(stdout) as Record<string, unknown>;
    expect(facts).toMatchObject({
      examples: 120,
      splits: { train: 60, valid: 20, test: 40 },
      modalities: {
        text: { features: 5, sequence: false, max_length: 1, missing: 0, non_finite: 0 },
      },
      label: { kind: 'regression' },
    });
    expect(Object.keys(facts)).toEqual([
      ...['examples', 'splits', 'modalities', 'label', 'columns', 'notes', 'warnings'],
    ]);
  });

  test('names what is not there', async () => {
    expect(await refusal('inspect', join(folder, 'none'))).toContain(
      'found no such file or folder',
    );
  });
});

describe('convert', () => {
  test.each(['parquet', 'safetensors', 'npz'])(
    'to %s and back gives the same files',
    async (format) => {
      const there = join(folder, `there-${format}`);
      const back = join(folder, `back-${format}`);
      await succeed('convert', toy, there, '--format', format);
      await succeed('convert', there, back);
      for (const file of readdirSync(toy)) {
        expect(readFileSync(join(back, file), 'utf8')).toBe(readFileSync(join(toy, file), 'utf8'));
      }
    },
  );

  test('leaves what is there alone', async () => {
    expect(await refusal('convert', toy, toy)).toContain('expected a path that is not there yet');
  });
});

describe('split', () => {
  test('writes the same data with other splits', async () => {
    const out = join(folder, 'split');
    const fractions = ['--option', 'fractions.train=0.5', '--option', 'fractions.valid=0.5'];
    const { stdout } = await succeed('split', toy, out, '--by', 'random', ...fractions, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      out,
      by: 'random',
      splits: { train: {}, valid: {} },
    });
    const [data, before] = [await loadDataset(out), await loadDataset(toy)];
    expect(Object.fromEntries([...data.splits].map(([name, rows]) => [name, rows.length]))).toEqual(
      {
        train: 60,
        valid: 60,
      },
    );
    expect(data.modalities).toEqual(before.modalities);
  });

  test.each([
    ['parquet', [], 'form-parquet', ['labels.parquet', 'text.parquet']],
    ['safetensors', [], 'form-safetensors', ['labels.safetensors', 'text.safetensors']],
    ['safetensors', ['--format', 'csv'], 'form-asked', ['labels.csv', 'text.csv']],
    ['safetensors', [], 'form-named.npz', null],
    ['npz', [], 'form-file', ['labels.csv', 'text.csv']],
  ])('of %s with %j into %s leaves %j', async (format, args, name, files) => {
    const source = join(folder, `source-of-${name}`);
    const out = join(folder, name);
    await succeed('convert', toy, source, '--format', format);
    await succeed('split', source, out, '--by', 'random', ...args);
    expect(statSync(out).isFile() ? null : readdirSync(out).sort()).toEqual(files);
    const [data, before] = [await loadDataset(out), await loadDataset(source)];
    expect(await cellsOf(data)).toEqual(await cellsOf(before));
    expect(data.label).toEqual(before.label);
    // Other splits than before: 84 of 120 for train, where there were 60.
    expect(data.splits.get('train')).toHaveLength(84);
  });

  test.each([
    [['--by', 'magic'], "--by: found 'magic', expected one of random, group, kfold, words"],
    [['--by', 'kfold', '--option', 'k=2'], 'split by kfold: k: found 2'],
    [['--by', 'random', '--option', 'k=3'], "option 'k', which belongs to by kfold"],
    [['--by', 'words'], 'found no column of text'],
    [[], "required option '--by <method>' not specified"],
  ])('%j is refused', async (args, message) => {
    const out = join(folder, 'refused');
    expect(await refusal('split', toy, out, ...args)).toContain(message);
    expect(existsSync(out)).toBe(false);
  });
});
