import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Options } from '../../lib/config';
import { Dataset } from '../../lib/data/dataset';
import type { EpochRecord } from '../../lib/training/history';
import { loadModel } from '../../lib/training/load';
import type { ProgressReport } from '../../lib/training/loop';
import { decodeTensors } from '../../lib/training/safetensors';
import type { RunMetrics } from '../../lib/training/evaluation';
import { train, type Run } from '../../lib/training/train';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

afterAll(removeFresh);

const data = tinyDataset();

function replaced(fields: Partial<Dataset>): Dataset {
  const { name, ids, modalities, label, splits } = data;
  return new Dataset({ name, ids, modalities, label, splits, ...fields });
}

const splitsWithout = (name: string) => new Map([...data.splits].filter(([key]) => key !== name));

test('what onEpoch waits for is no epoch’s time', async () => {
  // From the end of the first wait to that of the last there are epochs 2 to n, and the waits after them.
  const spans: { from: number; to: number }[] = [];
  const run = await train(data, TINY, {
    onEpoch: async () => {
      const from = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 100));
      spans.push({ from, to: performance.now() });
    },
  });
  run.model.dispose();
  expect(spans.length).toBeGreaterThan(2);
  const waited = spans.slice(1).reduce((sum, { from, to }) => sum + to - from, 0);
  // Epoch 2 begins when the state of epoch 1 is handed over, before the first wait.
  const worked = run.history.slice(2).reduce((sum, { seconds }) => sum + 1000 * seconds, 0);
  expect(worked).toBeGreaterThan(0);
  expect(worked + waited).toBeLessThanOrEqual((spans.at(-1)?.to ?? 0) - (spans[0]?.to ?? 0));
});

describe('a run', () => {
  const out = freshPath();
  const epochs: EpochRecord[] = [];
  let run: Run;
  const read = (name: string) => readFileSync(join(out, name), 'utf8');

  beforeAll(async () => {
    run = await train(data, TINY, { out, onEpoch: (record) => epochs.push(record) });
  });
  afterAll(() => {
    run.model.dispose();
  });

  test('writes its folder, and nothing else', () => {
    expect(readdirSync(out).sort()).toEqual([
      'config.json',
      'events.out.tfevents.cmir',
      'history.jsonl',
      'last.json',
      'last.safetensors',
      'metrics.json',
      'model.safetensors',
    ]);
    expect(JSON.parse(read('config.json'))).toEqual(run.config);
    expect(JSON.parse(read('metrics.json'))).toEqual(run.metrics);
    const lines = read('history.jsonl').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(run.history);
  });

  test('reports every epoch, each with its terms', () => {
    expect(epochs).toEqual(run.history);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    const { invariance, decorrelation, reconstruction } = run.config.weights;
    for (const record of epochs) {
      expect(record.loss).toBeCloseTo(
        record.prediction +
          invariance * record.invariance +
          decorrelation * record.decorrelation +
          reconstruction * record.reconstruction,
        4,
      );
      expect(Object.keys(record.modalities)).toEqual(['text', 'audio']);
      expect(record.seconds).toBeGreaterThanOrEqual(record.native_seconds);
      expect(record.learning_rate).toBe(run.config.training.learningRate);
    }
    expect(epochs.at(-1)?.prediction).toBeLessThan(epochs[0]?.prediction ?? 0);
  });

  test('risk and consistency are terms of the loss, in each record', async () => {
    const weights = { risk: 2, consistency: 0.5 };
    const { history, model, config } = await train(data, { ...TINY, weights });
    model.dispose();
    for (const { loss, prediction, risk, consistency, ...rest } of history) {
      expect(risk).toBeGreaterThan(0);
      expect(consistency).toBeGreaterThan(0);
      const { invariance, decorrelation, reconstruction } = config.weights;
      const constraints =
        invariance * rest.invariance +
        decorrelation * rest.decorrelation +
        reconstruction * rest.reconstruction;
      expect(loss).toBeCloseTo(prediction + 2 * risk + 0.5 * consistency + constraints, 4);
    }
    expect(history[0]?.risk).not.toBe(history[0]?.consistency);
  });

  test('selects the epoch with the best validation score', async () => {
    const scores = run.history.map(({ valid }) => valid['MAE'] as number);
    expect(run.metrics.best_epoch).toBe(scores.indexOf(Math.min(...scores)) + 1);
    expect(run.metrics.valid['MAE']).toBe(Math.min(...scores));
    expect((await run.model.evaluate(data.valid)).metrics).toEqual(run.metrics.valid);
  });

  test('evaluates every split but train, beside a constant', () => {
    expect(Object.keys(run.metrics)).toEqual(expect.arrayContaining(['valid', 'test', 'shifted']));
    expect(run.metrics).not.toHaveProperty('train');
    expect(Object.keys(run.metrics.baseline)).toEqual(['valid', 'test', 'shifted']);
    expect(run.metrics.baseline['test']?.['Corr']).toBeNull();
    const reason = { Corr: 'all predictions are equal' };
    expect(run.metrics.undefined).toEqual({
      baseline: { valid: reason, test: reason, shifted: reason },
    });
    expect(run.metrics.epochs).toBe(4);
  });

  test('its model is loaded again, and predicts the same', async () => {
    const model = await loadModel(out, { threads: 1 });
    expect(await model.predict(data.test)).toEqual(await run.model.predict(data.test));
    expect(model.config).toEqual(run.config);
    model.dispose();
  });

  test('the model file names no path and no time', () => {
    const { metadata } = decodeTensors(readFileSync(join(out, 'model.safetensors')), 'model');
    expect(Object.keys(metadata).sort()).toEqual(['cmir_format', 'config', 'format', 'shape']);
    expect(metadata['cmir_format']).toBe('1');
    expect(JSON.parse(metadata['config'] ?? '')).toEqual(run.config);
  });

  test('the same seed gives the same bytes, another seed others', async () => {
    const bytesOf = (folder: string) =>
      ['model.safetensors', 'last.safetensors'].map((name) => readFileSync(join(folder, name)));
    const retrain = async (options: Options) => {
      const folder = freshPath();
      (await train(tinyDataset(), options, { out: folder })).model.dispose();
      return bytesOf(folder);
    };
    const mine = bytesOf(out);
    expect(await retrain(TINY)).toEqual(mine);
    const others = await retrain({ ...TINY, seed: 2 });
    others.forEach((bytes, i) => {
      expect(bytes).not.toEqual(mine[i]);
    });
  });

  test('another number of threads gives the same but for rounding', async () => {
    const other = await train(data, { ...TINY, threads: 2 });
    other.history.forEach((record, i) => {
      expect(record.loss).toBeCloseTo(run.history[i]?.loss as number, 4);
    });
    other.model.dispose();
  });
});

test('writes nothing unless asked, and gives the same', async () => {
  const [silent, written] = [
    await train(data, TINY),
    await train(data, TINY, { out: freshPath() }),
  ];
  expect(silent.out).toBeUndefined();
  expect(existsSync(written.out as string)).toBe(true);
  expect(silent.metrics).toEqual({ ...written.metrics, seconds: silent.metrics.seconds });
  for (const run of [silent, written]) run.model.dispose();
});

test('selection does not depend on what is in test', async () => {
  const label = data.label as NonNullable<Dataset['label']>;
  const values = Float32Array.from(label.values);
  const features = data.modalities.map((modality) => ({
    ...modality,
    values: Float32Array.from(modality.values),
  }));
  for (const row of [...data.test.rows, ...data.split('shifted').rows]) {
    values[row] = 100;
    for (const { features: width, values: x } of features)
      x.fill(50, row * width, (row + 1) * width);
  }
  const spoilt = replaced({ label: { ...label, values }, modalities: features });
  const [plain, changed] = [await train(data, TINY), await train(spoilt, TINY)];
  const essence = ({ history }: Run) =>
    history.map(({ loss, valid, best }) => ({ loss, valid, best }));
  expect(essence(changed)).toEqual(essence(plain));
  expect(await changed.model.state()).toEqual(await plain.model.state());
  expect(changed.metrics.test).not.toEqual(plain.metrics.test);
  for (const run of [plain, changed]) run.model.dispose();
});

test('stops when patience runs out, and keeps the best epoch', async () => {
  const options = { ...TINY, training: { epochs: 60, patience: 2, learningRate: 0.3 } };
  const { metrics, history, model } = await train(data, options);
  expect(metrics.epochs).toBeLessThan(60);
  expect(metrics.epochs - metrics.best_epoch).toBe(2);
  expect(history.filter(({ best }) => best).at(-1)?.epoch).toBe(metrics.best_epoch);
  model.dispose();
});

test('selects by the metric asked for', async () => {
  const options = { ...TINY, training: { ...TINY.training, metric: 'Corr' } };
  const { metrics, history, model } = await train(data, options);
  const scores = history.map(({ valid }) => valid['Corr'] as number);
  expect(metrics.best_epoch).toBe(scores.indexOf(Math.max(...scores)) + 1);
  model.dispose();
});

test('a metric that is undefined in every epoch is an error, not a random model', async () => {
  const label = data.label as NonNullable<Dataset['label']>;
  const values = label.values.map((value, row) => (data.valid.rows.includes(row) ? 1 : value));
  const options = { ...TINY, training: { ...TINY.training, metric: 'Corr' } };
  const error = await errorOf(() => train(replaced({ label: { ...label, values } }), options));
  expect(error.code).toBe('ERR_CMIR_DIVERGED');
  expect(error.message).toMatch(/Corr.*training\.metric/);
});

test('without a test split there are no metrics of it', async () => {
  const run = await train(replaced({ splits: splitsWithout('test') }), TINY);
  const metrics: RunMetrics = run.metrics;
  expect(metrics.test).toBeUndefined();
  expect(Object.keys(metrics.baseline)).toEqual(['valid', 'shifted']);
  run.model.dispose();
});

test('works in float64', async () => {
  const { model } = await train(data, { ...TINY, precision: 'float64' });
  const { outputs, predictions } = await model.predict(data.test);
  expect(outputs.BYTES_PER_ELEMENT).toBe(8);
  expect(predictions).toEqual(Float32Array.from(outputs));
  model.dispose();
});

test('fusion: no environments and no weights leave the prediction alone', async () => {
  const weights = { invariance: 0, decorrelation: 0, reconstruction: 0 };
  const { history, model } = await train(data, { ...TINY, environments: { count: 0 }, weights });
  for (const record of history) {
    expect(record.loss).toBe(record.prediction);
    expect([record.invariance, record.decorrelation, record.reconstruction]).toEqual([0, 0, 0]);
  }
  model.dispose();
});

test('missing values become the training mean where that is asked for', async () => {
  const [text, audio] = data.modalities as [Dataset['modalities'][0], Dataset['modalities'][0]];
  const holes = replaced({
    modalities: [{ ...text, values: text.values.map((v, i) => (i % 7 === 0 ? NaN : v)) }, audio],
  });
  const error = await errorOf(() => train(holes, TINY));
  expect(error.code).toBe('ERR_CMIR_DATA');
  const run = await train(holes, { ...TINY, data: { nonFinite: 'mean' } });
  expect(run.metrics.test['MAE']).toEqual(expect.any(Number));
  run.model.dispose();
});

test('tells its progress while an epoch runs', async () => {
  const reports: ProgressReport[] = [];
  const options = { ...TINY, training: { ...TINY.training, epochs: 2, batchSize: 1 } };
  // Wide enough that an epoch outlasts the interval between reports.
  const wide = { ...options, model: { hidden: 1024, latent: 512 }, environments: { count: 16 } };
  const run = await train(data, wide, { onProgress: (report) => reports.push(report) });
  run.model.dispose();
  expect(reports.length).toBeGreaterThan(0);
  for (const report of reports) {
    expect(report).toMatchObject({ epochs: 2, steps: 60 });
    expect(report.step).toBeLessThanOrEqual(60);
    expect(report.secondsLeft).toBeGreaterThanOrEqual(0);
    expect(report.last?.epoch).toBe(report.epoch === 1 ? undefined : 1);
  }
});

test('tells its progress of epochs that are shorter than the interval too', async () => {
  const reports: ProgressReport[] = [];
  const options = { ...TINY, training: { ...TINY.training, epochs: 3 } };
  const run = await train(data, options, { onProgress: (report) => reports.push(report) });
  run.model.dispose();
  expect(reports[0]).toMatchObject({ epoch: 1, epochs: 3 });
});

test('averaged weights are what is validated and saved', async () => {
  const out = freshPath();
  const options = { ...TINY, training: { ...TINY.training, averaging: 0.9 } };
  const { model, metrics, history } = await train(data, options, { out });
  model.dispose();
  using loaded = await loadModel(out);
  const report = await loaded.evaluate(data.split('valid'));
  expect(report.metrics).toEqual(metrics.valid);
  expect(report.metrics).toEqual(history[metrics.best_epoch - 1]?.valid);
  const { tensors } = decodeTensors(readFileSync(join(out, 'last.safetensors')), 'last');
  expect(Object.keys(tensors)).toContain('optimizer.weights.head.0.weight');
  expect(tensors['optimizer.weights.head.0.weight']).not.toEqual(tensors['head.0.weight']);
});
