import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { NativeConfig, NativeNoise, NativeTensor } from '../binding';
import { environmentList, resolveConfig } from '../lib/config';
import type { Dataset } from '../lib/data/dataset';
import { keyedGenerator, normalSource } from '../lib/data/random';
import { loadAddon } from '../lib/native/load';
import { FILES } from '../lib/training/checkpoint';
import { loadModel } from '../lib/training/load';
import { EVALUATION_KINDS } from '../lib/training/noise';
import { encodeTensors } from '../lib/training/safetensors';
import { train } from '../lib/training/train';
import { findPython, type Python } from './helpers/python';
import { TINY, freshPath, removeFresh, tinyDataset } from './training/fixture';

/** Largest difference from PyTorch, relative to the largest value of the tensor. */
const TOLERANCE = 1e-5;
const ROWS = 40;

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

afterAll(removeFresh);

const BASE: NativeConfig = {
  seed: 2 ** 40 + 5,
  device: 'cpu',
  threads: 0,
  precision: 'float64',
  modalities: [
    { name: 'text', features: 7, sequence: false },
    { name: 'audio', features: 5, sequence: false },
    { name: 'vision', features: 4, sequence: false },
  ],
  maxLength: 0,
  outputs: 1,
  model: { hidden: 16, latent: 6, dropout: 0, pooling: 'mean' },
  environments: [
    { kind: 'gaussian', intensity: 0.3 },
    { kind: 'gaussian', intensity: 0.6 },
    { kind: 'gaussian', intensity: 0.9 },
  ],
  sharing: 'independent',
  weights: { invariance: 0.7, decorrelation: 0.4, reconstruction: 1.3, risk: 0, consistency: 0 },
  decorrelation: { offDiagonal: 0.3 },
  prediction: { loss: 'l1', on: 'all', classWeights: [] },
  reconstruction: { target: 'environment' },
  optimizer: {
    learningRate: 0.001,
    weightDecay: 0.01,
    clipNorm: 1,
    decayBiases: true,
    schedule: 'constant',
    warmup: 0,
    epochs: 1,
    accumulation: 1,
    averaging: 0,
  },
};

const MIXED: NativeConfig['environments'] = [
  { kind: 'gaussian', intensity: 0.5 },
  { kind: 'laplace', intensity: 0.4 },
  { kind: 'erase', intensity: 0.3 },
  { kind: 'drop', intensity: 0.6 },
];

const NO_WEIGHTS: NativeConfig['weights'] = {
  invariance: 0,
  decorrelation: 0,
  reconstruction: 0,
  risk: 0,
  consistency: 0,
};

interface Case {
  readonly config: NativeConfig;
  readonly rows: Int32Array;
  /** Tampers with the gradients, to see that it is noticed. */
  readonly spoil?: (gradients: Record<string, NativeTensor>) => void;
}

/** Every kind on all modalities, and one on the last alone. */
function noisesOf({ modalities }: NativeConfig): NativeNoise[] {
  const noise = { intensity: 0.6, seed: 2 ** 33 + 1 };
  const last = modalities.slice(-1).map(({ name }) => name);
  return [
    ...EVALUATION_KINDS.map((kind) => ({ ...noise, kind, modalities: null })),
    { ...noise, kind: 'erase', modalities: last },
  ];
}

function variant(changes: Partial<NativeConfig>, batch = 24): Case {
  // Rows in no order, each once.
  const rows = Int32Array.from({ length: batch }, (_, i) => (i * 7 + 3) % ROWS);
  return { config: { ...BASE, ...changes }, rows };
}

const CASES: Record<string, Case> = {
  'the ladder of the paper, float64': variant({}),
  'the ladder of the paper, float32': variant({ precision: 'float32' }),
  'fewer examples than latent columns': variant({}, 4),
  'one example, float32': variant({ precision: 'float32' }, 1),
  'one noisy environment, mean squared error, clean prediction and target': variant({
    environments: MIXED.slice(1, 2),
    prediction: { loss: 'mse', on: 'clean', classWeights: [] },
    reconstruction: { target: 'clean' },
  }),
  'all kinds of noise, cross-entropy, float64': variant({
    environments: MIXED,
    outputs: 3,
    prediction: { loss: 'crossEntropy', on: 'all', classWeights: [] },
  }),
  'all kinds of noise, cross-entropy, clean prediction, float32': variant({
    precision: 'float32',
    environments: MIXED,
    outputs: 3,
    prediction: { loss: 'crossEntropy', on: 'clean', classWeights: [] },
  }),
  'many environments': variant({ environments: [...MIXED, ...MIXED, ...MIXED, ...MIXED] }),
  'invariance alone': variant({
    weights: { ...NO_WEIGHTS, invariance: 2 },
  }),
  'decorrelation alone, every pair alike': variant({
    weights: { ...NO_WEIGHTS, decorrelation: 2 },
    decorrelation: { offDiagonal: 1 },
  }),
  'reconstruction alone, one modality': variant({
    modalities: [{ name: 'sensor 1', features: 3, sequence: false }],
    weights: { ...NO_WEIGHTS, reconstruction: 2 },
  }),
  'risk and consistency of values': variant({
    weights: { ...NO_WEIGHTS, risk: 1.5, consistency: 0.7 },
    prediction: { loss: 'mse', on: 'all', classWeights: [] },
  }),
  'risk and consistency of values, with constraints, float32': variant({
    precision: 'float32',
    weights: { ...BASE.weights, risk: 1.5, consistency: 0.7 },
  }),
  'risk and consistency of classes': variant({
    weights: { ...BASE.weights, risk: 1.5, consistency: 0.7 },
    environments: MIXED,
    outputs: 3,
    prediction: { loss: 'crossEntropy', on: 'all', classWeights: [] },
  }),
  'classes with weights': variant({
    environments: MIXED,
    outputs: 3,
    prediction: { loss: 'crossEntropy', on: 'all', classWeights: [0.5, 2, 1.25] },
  }),
  'classes with weights, risk and consistency, float32': variant({
    precision: 'float32',
    weights: { ...BASE.weights, risk: 1.5, consistency: 0.7 },
    outputs: 3,
    prediction: { loss: 'crossEntropy', on: 'all', classWeights: [0.5, 2, 1.25] },
  }),
  'fusion: no environments, no constraints': variant({
    environments: [],
    weights: NO_WEIGHTS,
  }),
  'dropout, float64': variant({ model: { hidden: 17, latent: 6, dropout: 0.4, pooling: 'mean' } }),
  'dropout, clean prediction, float32': variant({
    precision: 'float32',
    model: { hidden: 17, latent: 6, dropout: 0.4, pooling: 'mean' },
    environments: MIXED,
    prediction: { loss: 'mse', on: 'clean', classWeights: [] },
  }),
};

const SPOILT: Case = {
  ...variant({}),
  spoil: (gradients) => {
    const { data } = gradients['head.0.weight'] as NativeTensor;
    const magnitudes = Array.from(data, Math.abs);
    const largest = magnitudes.indexOf(Math.max(...magnitudes));
    data[largest] = (data[largest] as number) * (1 + 10 * TOLERANCE);
  },
};

/** What the trainer computes in one case, with all that it computed it from, as one safetensors file. */
async function compute({ config, rows, spoil }: Case): Promise<Uint8Array> {
  const { Trainer } = loadAddon();
  const trainer = new Trainer(config);
  try {
    const normal = normalSource(keyedGenerator(1, 2));
    const { tensors } = await trainer.getState(false);
    for (const { name } of config.modalities) {
      tensors[`normalizer.${name}.mean`]?.data.forEach((_, i, mean) => (mean[i] = 3 * normal()));
      tensors[`normalizer.${name}.std`]?.data.forEach((_, i, std) => (std[i] = 1 + normal() ** 2));
    }
    // The step keys the noise.
    const step = 7;
    await trainer.setState({ step, tensors });
    const features = config.modalities.map(({ features: width }) =>
      Float32Array.from({ length: ROWS * width }, () => 2 * normal() + 1),
    );
    const targets = Float32Array.from({ length: ROWS }, (_, row) =>
      config.prediction.loss === 'crossEntropy' ? row % config.outputs : normal(),
    );
    const keys = Uint32Array.from({ length: ROWS }, (_, row) => (row * 2654435761) % 2 ** 32);
    await trainer.upload({
      rows: ROWS,
      features: features.map((values) => ({ values, offsets: null })),
      replaceNonFinite: false,
      targets,
      keys,
    });
    const { terms, gradients } = await trainer.gradients(rows);
    spoil?.(gradients);
    const named: Record<string, NativeTensor> = {};
    const noises = noisesOf(config);
    for (const [i, noise] of noises.entries()) {
      const outputs = await trainer.predict(rows, noise);
      named[`outputs.${String(i)}`] = { shape: [rows.length, config.outputs], data: outputs };
    }
    for (const [name, tensor] of Object.entries(tensors)) named[`state.${name}`] = tensor;
    for (const [name, tensor] of Object.entries(gradients)) named[`gradients.${name}`] = tensor;
    config.modalities.forEach(({ name, features: width }, m) => {
      named[`features.${name}`] = { shape: [ROWS, width], data: features[m] as Float32Array };
    });
    const arrays = { rows: [...rows], keys: [...keys], targets: [...targets] };
    const metadata = Object.entries({ config, step, terms, noises, ...arrays }).map(
      ([name, value]) => [name, JSON.stringify(value)],
    );
    return encodeTensors({
      tensors: named,
      metadata: Object.fromEntries(metadata) as Record<string, string>,
    });
  } finally {
    trainer.dispose();
  }
}

describeWithPython('terms, gradients and noisy predictions are those of plain PyTorch', () => {
  let differences: Record<string, Record<string, number>>;

  beforeAll(async () => {
    const folder = freshPath();
    mkdirSync(folder);
    for (const [name, each] of Object.entries({ ...CASES, spoilt: SPOILT })) {
      writeFileSync(join(folder, `${name}.safetensors`), await compute(each));
    }
    const output = (python as Python).run([join('test', 'python', 'parity.py'), folder]);
    differences = JSON.parse(output) as typeof differences;
  });

  test.each(Object.keys(CASES))('%s', (name) => {
    const found = differences[name] ?? {};
    const modalities = (CASES[name] as Case).config.modalities.length;
    // The outputs, seven terms, and four tensors of each encoder, each decoder and the head.
    expect(Object.keys(found)).toHaveLength(9 + 7 + 4 * (2 * modalities + 1));
    expect(Object.entries(found).filter(([, difference]) => !(difference < TOLERANCE))).toEqual([]);
  });

  test('a gradient that is off is noticed', () => {
    const off = Object.entries(differences['spoilt'] ?? {}).filter(
      ([, value]) => value > TOLERANCE,
    );
    expect(off.map(([name]) => name)).toEqual(['gradients.head.0.weight']);
  });
});

/** Writes a data set as the canonical folder. */
function writeFolder(dataset: Dataset, folder: string): void {
  mkdirSync(folder);
  const write = (name: string, lines: (string | number)[][]): void => {
    writeFileSync(
      join(folder, `${name}.csv`),
      lines.map((cells) => `${cells.join(',')}\n`).join(''),
    );
  };
  const splitOf = new Map<number, string>();
  for (const [split, rows] of dataset.splits) rows.forEach((row) => splitOf.set(row, split));
  write('labels', [
    ['id', 'split', 'label'],
    ...dataset.ids.map((id, row) => [
      id,
      splitOf.get(row) ?? '',
      dataset.label?.values[row] ?? Number.NaN,
    ]),
  ]);
  for (const { name, features, values } of dataset.modalities) {
    write(name, [
      ['id', ...Array.from({ length: features }, (_, i) => `${name}_${String(i)}`)],
      ...dataset.ids.map((id, row) => [
        id,
        ...values.subarray(row * features, (row + 1) * features),
      ]),
    ]);
  }
}

describeWithPython('files are shared with plain PyTorch', () => {
  const data = freshPath('data');
  const out = freshPath('run');

  beforeAll(async () => {
    writeFolder(tinyDataset(), data);
    const { model } = await train(data, { ...TINY, seed: 3 }, { out });
    model.dispose();
  });

  test('a trained model.safetensors predicts the same in twenty lines of PyTorch', async () => {
    using model = await loadModel(out, { device: 'cpu' });
    const { ids, predictions } = await model.predict(tinyDataset());
    const script = join('bench', 'pytorch', 'load_model.py');
    const output = (python as Python).run([script, join(out, FILES.model), data]);
    const [header, ...lines] = output.trim().split(/\r?\n/);
    expect(header).toBe('id,output_0');
    expect(lines.map((line) => line.split(',')[0])).toEqual(ids);
    const expected = lines.map((line) => Number(line.split(',')[1]));
    const scale = Math.max(...expected.map(Math.abs));
    expect(scale).toBeGreaterThan(0.1);
    const worst = Math.max(
      ...expected.map((value, i) => Math.abs(value - (predictions[i] as number))),
    );
    expect(worst / scale).toBeLessThan(TOLERANCE);
  });

  test('model.safetensors is the state dict of the modules, nothing missing, nothing more', () => {
    const program = [
      'import sys; from cmir import CmIR; from safetensors.torch import load_file',
      'model = CmIR({"audio": 4, "text": 6}, outputs=1, hidden=8, latent=4, dropout=0.3)',
      'print(model.load_state_dict(load_file(sys.argv[1]), strict=True))',
    ];
    const printed = (python as Python).run(['-c', program.join('\n'), join(out, FILES.model)]);
    expect(printed.trim()).toBe('<All keys matched successfully>');
  });

  test('the plain training script has the defaults of the configuration', () => {
    const script = join('bench', 'pytorch', 'train.py');
    const output = (python as Python).run([script, data, '--threads', '1', '--methods', 'fusion']);
    const { options, rows } = JSON.parse(output) as {
      options: Record<string, unknown>;
      rows: { test: { MAE: number } }[];
    };
    const { model, training, weights, environments, decorrelation, prediction } = resolveConfig();
    expect(options).toMatchObject({
      epochs: training.epochs,
      batch: training.batchSize,
      patience: training.patience,
      learning_rate: training.learningRate,
      weight_decay: training.weightDecay,
      hidden: model.hidden,
      latent: model.latent,
      dropout: model.dropout,
      environments: environmentList(environments).map(({ kind, intensity }) => [kind, intensity]),
      weights: [weights.invariance, weights.decorrelation, weights.reconstruction],
      off_diagonal: decorrelation.offDiagonal,
      on: prediction.on,
    });
    expect(training.clipNorm).toBe(1);
    expect(rows[0]?.test.MAE).toBeLessThan(1);
  });
});

describeWithPython('the operators in PyTorch', () => {
  test('pytest: naive forms, gradcheck, opcheck, awkward inputs', () => {
    const output = (python as Python).run([
      ...['-m', 'pytest', '-q', '-p', 'no:cacheprovider', join('test', 'python')],
    ]);
    expect(output).toMatch(/\d+ passed/);
    expect(output).not.toMatch(/skipped|xfailed/);
  });
});
