import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Papa from 'papaparse';

import { metricTable } from '../../lib/cli/table';
import { configKeys, resolveConfig, type Options } from '../../lib/config';
import { loadDataset } from '../../lib/data/load';
import { CONVENTIONS, type Metrics } from '../../lib/metrics';
import { loadModel } from '../../lib/training/load';
import { train } from '../../lib/training/train';
import { VERSION } from '../../lib/version';
import { cmir, tablesOf, writeTables } from '../helpers/program';
import { freshPath, removeFresh, TINY, tinyDataset } from '../training/fixture';

afterAll(removeFresh);

const QUICK = [
  ...['--set', 'threads=1', '--set', 'model.hidden=8', '--set', 'model.latent=4'],
  ...['--set', 'environments.count=2', '--set', 'training.batchSize=16', '--device', 'cpu'],
];

/** Runs a command that must succeed. */
async function succeed(args: readonly string[], cwd?: string) {
  const ended = await cmir(args, cwd === undefined ? {} : { cwd });
  expect(ended).toMatchObject({ code: 0 });
  return ended;
}

const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const readJson = (...path: string[]) => json(readFileSync(join(...path), 'utf8'));

/** Rows of a printed table by their first column; columns are two spaces apart. */
function rowsOf(text: string): Map<string, string[]> {
  const rows = text.split('\n').map((line) => line.trim().split(/\s{2,}/));
  return new Map(rows.map(([name = '', ...cells]) => [name, cells]));
}

const tables = tablesOf(tinyDataset());
const data = writeTables(freshPath('data'), tables);
const run = freshPath();
let trained: { stdout: string; stderr: string };

beforeAll(async () => {
  // From the folder above the data, named by a relative path.
  const args = ['train', 'data', ...QUICK, '--set', 'training.epochs=3', '--seed', '7'];
  trained = await succeed([...args, '--out', run, '--json'], dirname(data));
});

describe('train', () => {
  test('--json prints one document: metrics, run folder, the complete configuration', () => {
    const document = json(trained.stdout);
    const { config, out, ...metrics } = document;
    expect(out).toBe(run);
    expect(config).toEqual(readJson(run, 'config.json'));
    expect(metrics).toEqual(readJson(run, 'metrics.json'));
    expect(Object.keys(metrics).sort()).toEqual([
      ...['baseline', 'best_epoch', 'epochs', 'parameters', 'seconds'],
      ...['shifted', 'test', 'undefined', 'valid'],
    ]);
    expect(config).toMatchObject({ seed: 7, device: 'cpu', training: { epochs: 3 } });
    // Nothing is left to a default, and nothing to `auto`.
    expect(resolveConfig(config as Options)).toEqual(config);
    expect(JSON.stringify(config)).not.toContain('auto');
    for (const key of configKeys().filter((name) => !name.startsWith('environments.'))) {
      expect(config).toHaveProperty(key);
    }
  });

  test('the run folder holds its files, and no others', () => {
    expect(readdirSync(run).sort()).toEqual([
      ...['config.json', 'events.out.tfevents.cmir', 'history.jsonl'],
      ...['last.json', 'last.safetensors'],
      ...['metrics.json', 'model.safetensors', 'run.json'],
    ]);
    expect(readJson(run, 'run.json')).toEqual({ dataset: data, cmir: VERSION });
    expect(readFileSync(join(run, 'history.jsonl'), 'utf8').trim().split('\n')).toHaveLength(3);
  });

  test('gives the model that the library gives', async () => {
    const out = freshPath();
    const options = { ...TINY, seed: 7, training: { ...TINY.training, epochs: 3 } };
    (await train(data, options, { out })).model.dispose();
    const model = (folder: string) => readFileSync(join(folder, 'model.safetensors'));
    expect(model(run).equals(model(out))).toBe(true);
  });

  test('tells its progress on standard error, every term of it, and with --quiet nothing', async () => {
    const lines = trained.stderr.trim().split('\n');
    expect(lines[0]).toMatch(/^epoch 1: loss \S+ prediction \S+ invariance \S+ decorrelation /);
    expect(lines.at(-1)).toMatch(/^epoch 3: .* valid MAE \d\.\d{4}/);
    const args = ['train', data, ...QUICK, '--set', 'training.epochs=3', '--seed', '7', '--quiet'];
    const { stdout, stderr } = await succeed([...args, '--out', freshPath()]);
    expect(stderr).toBe('');
    expect(stdout).toContain('best epoch');
  });

  test('prints a table: every split beside a constant, then the run', async () => {
    const out = freshPath();
    const args = ['train', data, ...QUICK, '--set', 'training.epochs=2', '--out', out];
    const { stdout } = await succeed(args);
    const metrics = readJson(out, 'metrics.json') as Record<string, Record<string, number>>;
    const rows = rowsOf(stdout);
    const names = stdout.split('\n')[0]?.trim().split(/\s+/);
    expect(names).toEqual(Object.keys(metrics['test'] ?? {}));
    for (const split of ['valid', 'test', 'shifted']) {
      const values = Object.values(metrics[split] ?? {});
      expect(rows.get(split)).toEqual(values.map((value) => value.toFixed(4)));
      expect(rows.get(`constant on ${split}`)?.at(-1)).toBe('n/a');
    }
    expect(stdout).toMatch(
      /\nbest epoch \d of 2, \d+\.\d s, \d+ parameters, modalities audio, text\n/,
    );
    expect(stdout).toContain(`\nrun folder: ${out}\n`);
  });

  test('--seed goes before --set, --set before --config', async () => {
    const file = freshPath('config.json');
    const settings = { seed: 5, training: { epochs: 9 }, model: { hidden: 8, latent: 2 } };
    writeFileSync(file, JSON.stringify(settings));
    const out = freshPath();
    const set = ['--set', 'seed=6', '--set', 'training.epochs=1', '--set', 'model.latent=4'];
    const args = ['train', data, '--config', file, ...set, '--seed', '8', '--out', out];
    await succeed([...args, '--quiet']);
    expect(readJson(out, 'config.json')).toMatchObject({
      seed: 8,
      training: { epochs: 1 },
      model: { hidden: 8, latent: 4 },
    });
  });

  test('without a data set and a folder: synthetic data, a folder of its own under runs', async () => {
    const cwd = dirname(freshPath());
    const args = ['train', ...QUICK, '--set', 'training.epochs=1', '--seed', '3', '--json'];
    const { out, test: metrics } = json((await succeed(args, cwd)).stdout);
    expect(out).toMatch(/^runs\/synthetic-\d{8}-\d{6}-seed3$/);
    expect(existsSync(join(cwd, out as string, 'model.safetensors'))).toBe(true);
    // The run remembers that its data were synthetic.
    const evaluated = json((await succeed(['evaluate', out as string, '--json'], cwd)).stdout);
    expect(evaluated).toMatchObject({ split: 'test', examples: 1000, metrics });
  });

  test('a run that diverges is a failure, not bad input; --debug shows where', async () => {
    const wild = ['--set', 'training.learningRate=1e30', '--set', 'training.clipNorm=0'];
    const args = ['train', data, ...QUICK, ...wild];
    const { code, stdout, stderr } = await cmir([...args, '--out', freshPath()]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^cmir: epoch \d+: .* became /m);
    expect(stderr).not.toMatch(/^\s+at /m);
    const debugged = await cmir(['--debug', ...args, '--out', freshPath()]);
    expect(debugged).toMatchObject({ code: 1 });
    expect(debugged.stderr).toMatch(/^\s+at .*loop/m);
  });

  test('a run folder that cannot be made is a failure that names it', async () => {
    const file = freshPath('file');
    writeFileSync(file, '');
    const out = join(file, 'run');
    const { code, stderr } = await cmir(['train', data, ...QUICK, '--out', out]);
    expect(code).toBe(1);
    expect(stderr).toContain(`cannot make the run folder ${out}`);
  });
});

describe('evaluate', () => {
  const evaluate = async (...args: string[]) =>
    json((await succeed(['evaluate', run, ...args, '--json'])).stdout);

  test('by default the test split of the data that the run was trained on', async () => {
    expect(await evaluate()).toEqual({
      split: 'test',
      noise: null,
      examples: 24,
      convention: 'mmsa',
      metrics: readJson(run, 'metrics.json')['test'],
      undefined: {},
    });
  });

  test('--metrics names a convention, or all of them', async () => {
    using model = await loadModel(run);
    const { test } = await loadDataset(data);
    const all: Record<string, Metrics> = {};
    for (const convention of CONVENTIONS) {
      const report = await model.evaluate(test, { convention });
      expect(await evaluate('--metrics', convention)).toMatchObject({ convention, ...report });
      all[convention] = report.metrics;
    }
    const conventions = await model.evaluateConventions(test);
    expect(await evaluate('--metrics', 'all')).toEqual({
      ...{ split: 'test', noise: null, examples: 24 },
      conventions,
    });
    const { stdout } = await succeed(['evaluate', run, '--metrics', 'all']);
    expect(stdout).toBe(`${metricTable(all)}\n`);
    const { code, stderr } = await cmir(['evaluate', run, '--metrics', 'mae']);
    expect(code).toBe(2);
    expect(stderr).toContain(
      "--metrics: found 'mae', expected one of mmsa, f1Legacy, ithp, gal, sims, all",
    );
  });

  test('--split names another, all takes every example', async () => {
    const shifted = readJson(run, 'metrics.json')['shifted'];
    expect(await evaluate('--split', 'shifted')).toMatchObject({ examples: 20, metrics: shifted });
    const all = await evaluate('--split', 'all');
    expect(all).toMatchObject({ split: 'all', examples: 128 });
    expect(all['metrics']).not.toEqual(shifted);
  });

  test('another data set', async () => {
    const other = writeTables(freshPath('data'), tablesOf(tinyDataset(2)));
    using model = await loadModel(run);
    const { metrics } = await model.evaluate((await loadDataset(other)).test);
    expect(await evaluate(other, '--device', 'cpu')).toMatchObject({ examples: 24, metrics });
  });

  test('--noise is the library’s, keyed by --seed', async () => {
    const noise = { kind: 'gaussian', intensity: 0.7, seed: 3 } as const;
    using model = await loadModel(run);
    const { metrics } = await model.evaluate((await loadDataset(data)).test, { noise });
    const noisy = await evaluate('--noise', 'gaussian:0.7', '--seed', '3');
    expect(noisy).toMatchObject({ noise, metrics });
    expect((await evaluate('--noise', 'gaussian:0.7'))['metrics']).not.toEqual(metrics);
  });

  test('--noise on some modalities', async () => {
    const noise = { kind: 'modality', intensity: 1, seed: 0, modalities: ['text'] } as const;
    using model = await loadModel(run);
    const { metrics } = await model.evaluate((await loadDataset(data)).test, { noise });
    expect(await evaluate('--noise', 'modality:1@text')).toMatchObject({ noise, metrics });
  });

  test('prints a table with a row of what was evaluated', async () => {
    const { stdout, stderr } = await succeed(['evaluate', run, '--noise', 'drop:0.5']);
    expect(stderr).toBe('');
    const { metrics } = await evaluate('--noise', 'drop:0.5');
    expect(rowsOf(stdout).get('test drop:0.5')).toEqual(
      Object.values(metrics as Record<string, number>).map((value) => value.toFixed(4)),
    );
  });

  test('a run that does not tell its data asks for them', async () => {
    const copy = freshPath();
    mkdirSync(copy);
    const model = join(copy, 'model.safetensors');
    writeFileSync(model, readFileSync(join(run, 'model.safetensors')));
    const { code, stderr } = await cmir(['evaluate', copy]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/run\.json.*name one after the run folder/);
    await succeed(['evaluate', copy, data]);
  });
});

describe('predict', () => {
  async function predict(source: string, ...args: string[]) {
    const out = freshPath('predictions.csv');
    const { stdout, stderr } = await succeed(['predict', run, source, '--out', out, ...args]);
    const { data: rows } = Papa.parse<string[]>(readFileSync(out, 'utf8').trimEnd());
    return { out, stdout, stderr, rows };
  }

  test('a row an example, id and prediction, in the order of the data', async () => {
    const { rows, out, stdout, stderr } = await predict(data);
    expect({ stdout, stderr }).toEqual({ stdout: `128 predictions in ${out}\n`, stderr: '' });
    using model = await loadModel(run);
    const { ids, predictions } = await model.predict(await loadDataset(data));
    expect(rows[0]).toEqual(['id', 'prediction']);
    expect(rows.slice(1).map(([id]) => id)).toEqual(ids);
    expect(Float32Array.from(rows.slice(1), ([, value]) => Number(value))).toEqual(predictions);
  });

  test('--split takes its rows, --json tells of the file', async () => {
    const { rows, out, stdout } = await predict(data, '--split', 'valid', '--json');
    expect(json(stdout)).toEqual({ out, examples: 24 });
    expect(rows.slice(1).every(([id]) => id?.startsWith('valid-'))).toBe(true);
    expect(rows).toHaveLength(25);
  });

  test.each<[string, (row: (string | number)[]) => (string | number)[]]>([
    ['of ids alone', ([id = '']) => [id]],
    ['whose labels are empty', ([id = '', split = '']) => [id, split, id === 'id' ? 'label' : '']],
  ])('takes data %s', async (_, change) => {
    const labels = (tables['labels.csv'] ?? []).map(change);
    const unlabelled = writeTables(freshPath('data'), { ...tables, 'labels.csv': labels });
    expect((await predict(unlabelled)).rows).toEqual((await predict(data)).rows);
  });

  test('a file that cannot be written is a failure that names it', async () => {
    const out = join(freshPath('nowhere'), 'predictions.csv');
    const { code, stdout, stderr } = await cmir(['predict', run, data, '--out', out]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`cannot write ${out}`);
  });
});

test('classes: trained from words, predicted by name with a probability each', async () => {
  const names = ['good', '"so, so"', 'bad'];
  const labels = (tables['labels.csv'] ?? []).map(([id = '', split = '', y = 0], row) => {
    const word = names[Number(y) < -0.4 ? 2 : Number(y) < 0.4 ? 1 : 0] as string;
    return [id, split, row === 0 ? 'label' : word];
  });
  const classed = writeTables(freshPath('data'), { ...tables, 'labels.csv': labels });
  const [out, file] = [freshPath(), freshPath('predictions.csv')];
  await succeed(['train', classed, ...QUICK, '--set', 'training.epochs=2', '--out', out]);
  expect(readJson(out, 'config.json')).toMatchObject({ task: 'classification' });
  await succeed(['predict', out, classed, '--split', 'test', '--out', file]);
  const { data: rows } = Papa.parse<string[]>(readFileSync(file, 'utf8').trimEnd());
  const classes = ['bad', 'good', 'so, so'];
  const probabilities = classes.map((name) => `probability_${name}`);
  expect(rows[0]).toEqual(['id', 'prediction', ...probabilities]);
  expect(rows).toHaveLength(25);
  for (const [, prediction, ...cells] of rows.slice(1)) {
    const values = cells.map(Number);
    expect(values.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    expect(prediction).toBe(classes[values.indexOf(Math.max(...values))]);
  }
  const { stdout } = await succeed(['evaluate', out, '--json']);
  const correct = rows.slice(1).filter(([id, prediction]) => {
    const label = labels.find(([other]) => other === id)?.[2];
    return label === prediction || label === `"${prediction ?? ''}"`;
  });
  expect(json(stdout)['metrics']).toMatchObject({ Acc: correct.length / 24 });
  expect(json(stdout)['convention']).toBeNull();
  for (const convention of ['all', 'ithp']) {
    const { code, stderr } = await cmir(['evaluate', out, '--metrics', convention]);
    expect(code).toBe(2);
    expect(stderr).toContain('expected none for classification');
  }
});

describe('help', () => {
  test('no command at all is bad usage, answered with the help', async () => {
    const { code, stdout, stderr } = await cmir([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: cmir ');
  });

  test('--version', async () => {
    const { stdout } = await succeed(['--version']);
    expect(stdout).toBe(`${VERSION}\n`);
    expect(VERSION).toBe(jest.requireActual<{ version: string }>('../../package.json').version);
  });
});
