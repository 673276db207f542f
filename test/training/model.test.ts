import { writeFileSync } from 'node:fs';

import { Dataset } from '../../lib/data/dataset';
import { fitNormalizer } from '../helpers/normalizer';
import { fileModality } from '../../lib/data/values';
import { CONVENTIONS } from '../../lib/metrics';
import { train } from '../../lib/training/train';
import { createTrainer, Model } from '../../lib/training/model';
import { EVALUATION_KINDS, type Noise } from '../../lib/training/noise';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

const data = tinyDataset();
let model: Model;

beforeAll(async () => {
  ({ model } = await train(data, TINY));
});
afterAll(() => {
  model.dispose();
  removeFresh();
});

/** The same examples in reverse, so that no row stays where it was but the middle one. */
function reversed(source: Dataset): Dataset {
  const order = Array.from({ length: source.size }, (_, i) => source.size - 1 - i);
  return new Dataset({
    name: 'reversed',
    ids: order.map((row) => source.ids[row] as string),
    modalities: [...source.modalities].reverse().map(({ name, features, values }) => ({
      name,
      features,
      values: Float32Array.from(
        order.flatMap((row) => [...values.subarray(row * features, (row + 1) * features)]),
      ),
    })),
    label: null,
    splits: new Map(),
  });
}

type Tensors = Awaited<ReturnType<Model['state']>>['tensors'];

/** What the layers of a state make of one row, by the method's formulas, in float64. */
function layersOf(tensors: Tensors) {
  const of = (name: string) => tensors[name] as { shape: number[]; data: Float32Array };
  const linear = (x: number[], name: string): number[] => {
    const { shape, data: weight } = of(`${name}.weight`);
    const width = shape[1] as number;
    return Array.from(of(`${name}.bias`).data, (bias, i) =>
      x.reduce((sum, value, j) => sum + value * (weight[i * width + j] as number), bias),
    );
  };
  const relu = (x: number[]): number[] => x.map((value) => Math.max(value, 0));
  const head = (invariant: number[]): number =>
    linear(relu(linear(invariant, 'head.0')), 'head.3')[0] as number;
  return { of, linear, relu, head };
}

/** Predictions of the state by the method's formulas, in float64, for one row. */
async function naivePrediction(row: number): Promise<number> {
  const { of, linear, relu, head } = layersOf((await model.state()).tensors);
  const invariant = data.modalities.flatMap(({ name, features, values }) => {
    const x = [...values.subarray(row * features, (row + 1) * features)].map(
      (value, j) =>
        (value - (of(`normalizer.${name}.mean`).data[j] as number)) /
        (of(`normalizer.${name}.std`).data[j] as number),
    );
    const codes = linear(relu(linear(x, `encoders.${name}.0`)), `encoders.${name}.3`);
    return codes.slice(0, codes.length / 2);
  });
  return head(invariant);
}

test('predicts as the formulas say, with ids in the order of the split', async () => {
  const { ids, predictions, outputs, probabilities } = await model.predict(data.test);
  expect(ids).toEqual(Array.from(data.test.rows, (row) => data.ids[row]));
  expect(predictions).toEqual(outputs);
  expect(probabilities).toBeUndefined();
  for (const [i, row] of [...data.test.rows].entries()) {
    expect(predictions[i]).toBeCloseTo(await naivePrediction(row), 5);
  }
});

test('the normaliser is that of the training split alone', async () => {
  const { tensors } = await model.state();
  for (const modality of data.modalities) {
    const { mean, std } = fitNormalizer(modality, data.train.rows);
    expect(tensors[`normalizer.${modality.name}.mean`]?.data).toEqual(mean);
    expect(tensors[`normalizer.${modality.name}.std`]?.data).toEqual(std);
  }
});

test('a split, a data set and arrays give the same', async () => {
  const whole = await model.predict(data);
  const split = await model.predict(data.valid);
  expect(split.predictions).toEqual(
    Float32Array.from(data.valid.rows, (row) => whole.predictions[row] as number),
  );
  const arrays = await model.predict({
    ids: data.ids,
    modalities: Object.fromEntries(
      data.modalities.map(({ name, features, values }) => [name, { features, values }]),
    ),
  });
  expect(arrays).toEqual(whole);
});

test('values that lie in a file give the same, and stay there', async () => {
  const path = freshPath('values');
  writeFileSync(
    path,
    Buffer.concat(data.modalities.map(({ values }) => Buffer.from(values.buffer))),
  );
  let offset = 0;
  const modalities = data.modalities.map(({ name, features, values }) => {
    const file = { path, offset, length: values.length, sha256: '' };
    offset += values.byteLength;
    const modality = fileModality({ name, features }, file);
    return Object.defineProperty(modality, 'values', {
      get() {
        throw new Error('they were read into memory');
      },
    });
  });
  expect(await model.predict(data.with({ modalities }))).toEqual(await model.predict(data));
});

test('neither the order of examples nor of modalities matters', async () => {
  const straight = await model.predict(data);
  const backward = await model.predict(reversed(data));
  expect([...backward.ids].reverse()).toEqual(straight.ids);
  straight.predictions.forEach((value, i) => {
    expect(backward.predictions[data.size - 1 - i]).toBeCloseTo(value, 5);
  });
});

test('noise is drawn by id: the same in another order, another with another seed', async () => {
  const noise = { kind: 'gaussian', intensity: 0.7, seed: 3 } as const;
  const clean = await model.predict(data);
  const noisy = await model.predict(data, { noise });
  expect(noisy.predictions).not.toEqual(clean.predictions);
  expect((await model.predict(data, { noise })).predictions).toEqual(noisy.predictions);
  const other = await model.predict(data, { noise: { ...noise, seed: 4 } });
  expect(other.predictions).not.toEqual(noisy.predictions);
  const unseeded = await model.predict(data, { noise: { kind: 'gaussian', intensity: 0.7 } });
  const zero = await model.predict(data, { noise: { ...noise, seed: 0 } });
  expect(unseeded.predictions).toEqual(zero.predictions);
  const part = await model.predict(data.test, { noise });
  expect(part.predictions).toEqual(
    Float32Array.from(data.test.rows, (row) => noisy.predictions[row] as number),
  );
});

test.each(EVALUATION_KINDS)('%s noise of intensity 0 changes nothing', async (kind) => {
  const clean = await model.predict(data.test);
  const noisy = await model.predict(data.test, { noise: { kind, intensity: 0 } });
  expect(noisy.predictions).toEqual(clean.predictions);
});

test('a modality that is missing is at its mean, whatever was there', async () => {
  const means = Object.fromEntries(
    Object.entries((await model.state()).tensors).filter(([name]) => name.endsWith('.mean')),
  );
  const without = (...missing: string[]): Dataset =>
    new Dataset({
      name: 'without',
      ids: data.ids,
      label: null,
      splits: new Map(),
      modalities: data.modalities.map(({ name, features, values }) => ({
        name,
        features,
        values: missing.includes(name)
          ? values.map((_, i) => means[`normalizer.${name}.mean`]?.data[i % features] as number)
          : values,
      })),
    });
  for (const missing of [['text'], ['audio'], ['text', 'audio']]) {
    const noise = { kind: 'modality', intensity: 1, modalities: missing } as const;
    const { predictions } = await model.predict(data, { noise });
    const expected = await model.predict(without(...missing));
    predictions.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.predictions[i] as number, 5);
    });
  }
  const all = await model.predict(data, { noise: { kind: 'modality', intensity: 1 } });
  expect(new Set(all.predictions).size).toBe(1);
});

test('noise on one modality is the same whatever happens to the other', async () => {
  const noise = { kind: 'erase', intensity: 0.5, modalities: ['audio'] } as const;
  const both = await model.predict(data, { noise: { kind: 'erase', intensity: 0.5 } });
  const one = await model.predict(data, { noise });
  expect(one.predictions).not.toEqual(both.predictions);
  // The head is no sum of modalities, so the other one is taken away in a model that cannot see it.
  const { tensors, step } = await model.state();
  for (const [name, { data: values }] of Object.entries(tensors)) {
    if (name.startsWith('encoders.text')) values.fill(0);
  }
  using blind = new Model(createTrainer(model.config, model.shape), model.config, model.shape);
  await blind.restore({ tensors, step }, 'blind');
  const ofBoth = await blind.predict(data, { noise: { kind: 'erase', intensity: 0.5 } });
  expect(ofBoth.predictions).toEqual((await blind.predict(data, { noise })).predictions);
});

test('noise is by the modality’s name, not its place, in a model of another order', async () => {
  const shape = { ...model.shape, modalities: [...model.shape.modalities].reverse() };
  using turned = new Model(createTrainer(model.config, shape), model.config, shape);
  const { tensors, step } = await model.state();
  const weight = tensors['head.0.weight'] as { shape: number[]; data: Float32Array };
  const { data: values, shape: sizes } = weight;
  const width = (sizes[1] as number) / 2;
  // The columns of the head's first layer follow the modalities.
  const columns = values.map((_, i) => {
    const column = i % (2 * width);
    return values[i - column + ((column + width) % (2 * width))] as number;
  });
  tensors['head.0.weight'] = { shape: sizes, data: columns };
  await turned.restore({ tensors, step }, 'turned');
  for (const kind of ['gaussian', 'erase', 'replace', 'modality'] as const) {
    const noise = { kind, intensity: 0.5, seed: 4 };
    const expected = await model.predict(data, { noise });
    (await turned.predict(data, { noise })).predictions.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.predictions[i] as number, 5);
    });
  }
});

test.each<[unknown, string]>([
  [{ kind: 'gaussian', intensity: -1 }, 'noise.intensity: found -1, expected at least 0'],
  [{ kind: 'gaussian', intensity: NaN }, 'noise.intensity: found NaN, expected a number'],
  [{ kind: 'gaussian' }, 'noise.intensity: found nothing, expected a number'],
  [{ kind: 'erase', intensity: 1.01 }, 'noise.intensity: found 1.01, expected at most 1'],
  [
    { kind: 'fog', intensity: 1 },
    'noise.kind: found "fog", expected gaussian, laplace, erase, drop, replace, frame, block, modality',
  ],
  [
    { kind: 'frame', intensity: 1, modalities: ['test'] },
    "noise.modalities: found 'test', expected one of text, audio; did you mean 'text'?",
  ],
  [
    { kind: 'frame', intensity: 1, modalities: ['audio', 'audio'] },
    "noise.modalities: found 'audio' twice",
  ],
  [
    { kind: 'frame', intensity: 1, modalities: [] },
    'noise.modalities: found [], expected at least 1',
  ],
  [
    { kind: 'frame', intensity: 1, modalities: 'text' },
    'noise.modalities: found "text", expected a list',
  ],
  [{ kind: 'drop', intensity: 1, seed: 0.5 }, 'noise.seed: found 0.5, expected an integer'],
  [{ kind: 'drop', intensity: 1, sed: 5 }, "unknown key 'noise.sed'; did you mean 'noise.seed'?"],
  ['gaussian:0.7', 'noise: found "gaussian:0.7", expected an object of keys'],
])('noise %j is refused', async (noise, message) => {
  const error = await errorOf(() => model.predict(data.test, { noise: noise as Noise }));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toBe(message);
});

test('evaluates the mean absolute error of its predictions', async () => {
  const { metrics } = await model.evaluate(data.test);
  const { predictions } = await model.predict(data.test);
  const targets = Array.from(data.test.rows, (row) => data.label?.values[row] as number);
  const error = targets.reduce((sum, t, i) => sum + Math.abs(t - (predictions[i] as number)), 0);
  expect(metrics['MAE']).toBeCloseTo(error / targets.length, 10);
});

test('evaluates a split, a data set and arrays alike', async () => {
  const whole = await model.evaluate(data);
  expect(whole).toEqual(await model.evaluate(data.all));
  const modalities = Object.fromEntries(
    data.modalities.map(({ name, features, values }) => [name, { features, values }]),
  );
  const labels = data.label?.values ?? [];
  expect(await model.evaluate({ modalities, labels })).toEqual(whole);
  const error = await errorOf(() => model.evaluate({ modalities }));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toContain('found no labels');
});

test.each<[string, unknown, string]>([
  ['nothing', undefined, 'found undefined'],
  ['a path', 'mosi/', 'found mosi/'],
  ['an object of no kind', { text: [], audio: [] }, 'found an object with text, audio'],
  ['a split of no data set', { dataset: {}, rows: [1] }, 'found an object with dataset, rows'],
])('%s is no examples, and is refused', async (_, wrong, found) => {
  const source = wrong as Dataset;
  for (const act of [
    () => model.predict(source),
    () => model.evaluate(source),
    () => model.encode(source),
  ]) {
    const error = await errorOf(act);
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(`${found}, expected a Split, a Dataset, or arrays`);
  }
});

test('evaluates in every convention, of the same predictions', async () => {
  const noise = { kind: 'gaussian', intensity: 1 } as const;
  const all = await model.evaluateConventions(data.test, { noise });
  expect(Object.keys(all)).toEqual(CONVENTIONS);
  for (const convention of CONVENTIONS) {
    expect(await model.evaluate(data.test, { noise, convention })).toEqual(all[convention]);
  }
  expect(await model.evaluate(data.test, { noise })).toEqual(all.mmsa);
  expect(all.sims.metrics['MAE']).not.toBe(all.mmsa.metrics['MAE']);
});

test('evaluation takes noise', async () => {
  const noise = { kind: 'gaussian', intensity: 3 } as const;
  const clean = await model.evaluate(data.test);
  const noisy = await model.evaluate(data.test, { noise });
  expect(noisy.metrics['MAE']).not.toBe(clean.metrics['MAE']);
});

test('evaluation needs labels of the model’s task', async () => {
  const { name, ids, modalities, splits } = data;
  const unlabelled = new Dataset({ name, ids, modalities, splits, label: null });
  expect((await errorOf(() => model.evaluate(unlabelled.test))).code).toBe('ERR_CMIR_DATA');
  const label = {
    name: 'mood',
    task: 'classification',
    values: new Float32Array(data.size),
    classes: ['a', 'b'],
  } as const;
  const classes = new Dataset({ name, ids, modalities, splits, label });
  const error = await errorOf(() => model.evaluate(classes.test));
  expect(error.code).toBe('ERR_CMIR_MISMATCH');
  expect(error.message).toMatch(/mood.*classification.*regression/);
});

test('codes have the latent width, one row an example', async () => {
  const codes = await model.encode(data.test);
  expect(Object.keys(codes)).toEqual(['text', 'audio']);
  for (const { invariant, spurious } of Object.values(codes)) {
    expect(invariant).toHaveLength(data.test.rows.length * TINY.model.latent);
    expect(spurious).toHaveLength(invariant.length);
    expect(spurious).not.toEqual(invariant);
  }
});

test('noisy codes are those that the noisy prediction is made of', async () => {
  const noise = { kind: 'laplace', intensity: 0.7, seed: 5 } as const;
  const codes = await model.encode(data.test, { noise });
  expect(codes).not.toEqual(await model.encode(data.test));
  const { predictions } = await model.predict(data.test, { noise });
  const { head } = layersOf((await model.state()).tensors);
  const { latent } = TINY.model;
  predictions.forEach((prediction, i) => {
    const invariant = Object.values(codes).flatMap((z) => [
      ...z.invariant.subarray(i * latent, (i + 1) * latent),
    ]);
    expect(head(invariant)).toBeCloseTo(prediction, 5);
  });
  const wrong = { kind: 'laplace', intensity: -1 } as const;
  const error = await errorOf(() => model.encode(data.test, { noise: wrong }));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain('noise.intensity');
});

test('data of other modalities is refused and named', async () => {
  const arrays = { modalities: { text: { features: 6, values: new Float32Array(6) } } };
  for (const act of [() => model.predict(arrays), () => model.encode(arrays)]) {
    const error = await errorOf(act);
    expect(error.code).toBe('ERR_CMIR_MISMATCH');
    expect(error.message).toMatch(/found text \(6\); expected audio \(4\), text \(6\)/);
  }
  // The refused call leaves the model as it was.
  await expect(model.predict(data.test)).resolves.toBeDefined();
});

test('calls at once take turns, each with its own data', async () => {
  const other = tinyDataset(2);
  const alone = [await model.predict(data.test), await model.predict(other.test)];
  const together = await Promise.all([
    model.predict(data.test),
    model.predict(other.test),
    model.predict(data.test),
  ]);
  expect(together).toEqual([alone[0], alone[1], alone[0]]);
});

test('a signal that has fired stops a call', async () => {
  const reason = new Error('enough');
  const error = await errorOf(() =>
    model.predict(data.test, { signal: AbortSignal.abort(reason) }),
  );
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(reason);
});

test('several models train and predict at once, as alone', async () => {
  const alone = await train(data, { ...TINY, seed: 5 });
  const expected = await alone.model.predict(data.test);
  alone.model.dispose();
  const runs = await Promise.all([5, 6, 5].map((seed) => train(data, { ...TINY, seed })));
  const predicted = await Promise.all(runs.map((run) => run.model.predict(data.test)));
  expect(predicted[0]).toEqual(expected);
  expect(predicted[2]).toEqual(expected);
  expect(predicted[1]?.predictions).not.toEqual(expected.predictions);
  for (const run of runs) run.model.dispose();
});

test('after dispose every call is an error, and dispose does nothing more', async () => {
  const run = await train(data, { ...TINY, training: { ...TINY.training, epochs: 1 } });
  const used = run.model;
  used.dispose();
  used.dispose();
  used[Symbol.dispose]();
  const acts = [
    () => used.predict(data.test),
    () => used.evaluate(data.test),
    () => used.evaluateConventions(data.test),
    () => used.encode(data.test),
    () => used.state(),
    () => used.parameterCount,
  ];
  for (const act of acts) expect((await errorOf(act)).code).toBe('ERR_CMIR_DISPOSED');
});

test('dispose while a call runs ends in its result or in an error, not a crash', async () => {
  const run = await train(data, { ...TINY, training: { ...TINY.training, epochs: 1 } });
  const pending = run.model.predict(data.test);
  run.model.dispose();
  expect((await errorOf(() => pending)).code).toBe('ERR_CMIR_DISPOSED');
});

test('classes: probabilities are the softmax of the outputs, the prediction its largest', async () => {
  const names = ['low', 'middle', 'high'];
  const labels = Array.from(data.label?.values ?? [], (y) => names[y < -0.4 ? 0 : y < 0.4 ? 1 : 2]);
  const arrays = {
    modalities: Object.fromEntries(
      data.modalities.map(({ name, features, values }) => [name, { features, values }]),
    ),
    labels: labels as string[],
    splits: data.ids.map((id) => id.split('-')[0] as string),
  };
  const run = await train(arrays, TINY);
  expect(run.model.shape.classes).toEqual(['high', 'low', 'middle']);
  const { outputs, predictions, probabilities } = await run.model.predict(arrays);
  expect(outputs).toHaveLength(3 * data.size);
  for (let row = 0; row < data.size; row += 1) {
    const logits = [...outputs.subarray(3 * row, 3 * row + 3)];
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    logits.forEach((logit, c) => {
      expect(probabilities?.[3 * row + c]).toBeCloseTo(Math.exp(logit) / sum, 6);
    });
    expect(predictions[row]).toBe(logits.indexOf(Math.max(...logits)));
  }
  expect(Object.keys(run.metrics.test)).toContain('Macro_F1_score');
  run.model.dispose();
});
