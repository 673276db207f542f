import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  configKeys,
  configSchema,
  nativeConfig,
  resolveConfig,
  setOption,
  type Options,
} from '../lib/config';
import { errorOf } from './training/fixture';

describe('resolveConfig', () => {
  test('what it returns is complete, and resolves to itself', () => {
    const config = resolveConfig();
    expect(config.seed).toBe(1);
    expect(resolveConfig(config)).toEqual(config);
  });

  test('leaves what was given unchanged', () => {
    const options: Options = { environments: { count: 2 } };
    resolveConfig(options);
    expect(options).toEqual({ environments: { count: 2 } });
  });

  test('the ladder rises by its first intensity', () => {
    const { environments } = resolveConfig({
      environments: { count: 3, intensity: 0.1, kind: 'laplace' },
    });
    expect(environments).toEqual([
      { kind: 'laplace', intensity: 0.1 },
      { kind: 'laplace', intensity: 0.2 },
      { kind: 'laplace', intensity: 0.3 },
    ]);
  });

  test('a ladder that shares one draw stays a ladder, complete, and resolves to itself', () => {
    const config = resolveConfig({ environments: { sharing: 'common', count: 2 } });
    expect(config.environments).toEqual({
      count: 2,
      intensity: 1,
      kind: 'gaussian',
      sharing: 'common',
    });
    expect(resolveConfig(config)).toEqual(config);
    const native = nativeConfig(
      { ...config, device: 'cpu', prediction: { loss: 'l1', on: 'all' } },
      { modalities: [], outputs: 1 },
    );
    expect(native).toMatchObject({
      sharing: 'common',
      environments: [
        { kind: 'gaussian', intensity: 1 },
        { kind: 'gaussian', intensity: 2 },
      ],
    });
  });

  test('only additive noise can be shared', async () => {
    const error = await errorOf(() =>
      resolveConfig({ environments: { sharing: 'common', kind: 'erase' } }),
    );
    expect(error.message).toContain('environments.sharing: common');
    expect(error.message).toContain('found kind erase');
  });

  test('a list of environments is taken as it is', () => {
    const environments = [
      { kind: 'drop', intensity: 0.5 },
      { kind: 'gaussian', intensity: 0 },
    ] as const;
    expect(resolveConfig({ environments: [...environments] }).environments).toEqual(environments);
  });

  const REFUSED: [unknown, string][] = [
    [{ seed: -1 }, 'seed: found -1, expected at least 0'],
    [{ seed: 1.5 }, 'seed: found 1.5, expected an integer'],
    [{ seed: '1' }, 'seed: found "1", expected a number'],
    [{ device: 'gpu' }, 'device: found "gpu", expected auto, cpu, cuda or cuda:<index>'],
    [{ data: { label: '' } }, 'data.label: found "", expected a text that is not empty'],
    [{ model: 3 }, 'model: found 3, expected an object of keys'],
    [{ model: { dropout: 1 } }, 'model.dropout: found 1, expected less than 1'],
    [{ model: { hidden: 0 } }, 'model.hidden: found 0, expected more than 0'],
    [{ threads: 2000 }, 'threads: found 2000, expected at most 1024'],
    [{ weights: { invariance: -0.5 } }, 'weights.invariance: found -0.5, expected at least 0'],
    [{ weights: { invariance: Number.NaN } }, 'weights.invariance: found NaN, expected a number'],
    [{ training: { warmup: 1 } }, 'training.warmup: found 1, expected less than 1'],
    [
      { training: { schedule: 'step' } },
      'training.schedule: found "step", expected constant, linear, cosine',
    ],
    [{ training: { accumulation: 0 } }, 'training.accumulation: found 0, expected more than 0'],
    [{ prediction: { on: 'noisy' } }, 'prediction.on: found "noisy", expected all, clean'],
    [{ environments: { count: 65 } }, 'environments.count: found 65, expected at most 64'],
    [
      {
        environments: [
          { kind: 'drop', intensity: 0 },
          { kind: 'fog', intensity: 1 },
        ],
      },
      'environments.1.kind: found "fog", expected gaussian, laplace, erase, drop',
    ],
    [{ weigths: { invariance: 1 } }, "unknown key 'weigths'; did you mean 'weights'?"],
    [
      { training: { learningrate: 1 } },
      "unknown key 'training.learningrate'; did you mean 'training.learningRate'?",
    ],
    [
      { task: 'regression', prediction: { loss: 'crossEntropy' } },
      'prediction.loss: crossEntropy needs task classification',
    ],
    [
      { task: 'classification', prediction: { loss: 'mse' } },
      'prediction.loss: mse needs task regression',
    ],
  ];

  test.each(REFUSED)('refuses %j', async (options, message) => {
    const error = await errorOf(() => resolveConfig(options as Options));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain(message);
  });

  test('names every offending key at once', async () => {
    const error = await errorOf(() => resolveConfig({ seed: -1, threads: -1 }));
    expect(error.message).toMatch(/seed: .*; threads: /);
  });

  test.each(['invariance', 'decorrelation', 'reconstruction', 'risk', 'consistency'] as const)(
    'a weight of %s needs a noisy environment',
    async (name) => {
      const none = { invariance: 0, decorrelation: 0, reconstruction: 0 };
      for (const environments of [[], { count: 0 }]) {
        expect(resolveConfig({ environments, weights: none }).environments).toEqual([]);
        const weights = { ...none, [name]: 0.5 };
        const error = await errorOf(() => resolveConfig({ environments, weights }));
        expect(error.code).toBe('ERR_CMIR_CONFIG');
        expect(error.message).toMatch(
          new RegExp(`weights\\.${name}: found 0\\.5.*environments\\.count`),
        );
      }
    },
  );
});

test.each(['risk', 'consistency'] as const)(
  'a weight of %s needs noisy predictions',
  async (name) => {
    const options = { weights: { [name]: 0.5 }, prediction: { on: 'clean' as const } };
    const error = await errorOf(() => resolveConfig(options));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toMatch(
      new RegExp(`weights\\.${name}: found 0\\.5 with prediction\\.on clean`),
    );
    expect(resolveConfig({ weights: { [name]: 0.5 } }).weights[name]).toBe(0.5);
  },
);

describe('setOption', () => {
  const set = (key: string, text: string, options: Record<string, unknown> = {}) => {
    setOption(options, key, text);
    return options;
  };

  test('reads numbers, lists and null as JSON, all else as text', () => {
    expect(set('training.epochs', '3')).toEqual({ training: { epochs: 3 } });
    expect(set('device', 'cuda:1')).toEqual({ device: 'cuda:1' });
    expect(set('data.label', 'null')).toEqual({ data: { label: null } });
    expect(set('environments', '[]')).toEqual({ environments: [] });
  });

  test('keeps what is beside the key, and turns a list of environments into a ladder', () => {
    expect(set('model.latent', '4', { model: { hidden: 2 } })).toEqual({
      model: { hidden: 2, latent: 4 },
    });
    expect(set('environments.count', '2', { environments: [] })).toEqual({
      environments: { count: 2 },
    });
  });

  test.each([
    ['weights.invarance', "did you mean 'weights.invariance'?"],
    ['model', 'expected model.hidden, model.latent'],
    ['__proto__.x', "unknown key '__proto__.x'"],
    ['seed.x', "unknown key 'seed.x'"],
  ])('refuses the key %s', async (key, message) => {
    const error = await errorOf(() => set(key, '1'));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain(message);
  });

  test('takes every key that the configuration has', () => {
    for (const key of configKeys()) expect(Object.keys(set(key, '1'))).toHaveLength(1);
  });
});

test('every key is described, in the reference too', () => {
  const page = readFileSync(join(__dirname, '..', 'docs', 'configuration.md'), 'utf8');
  for (const key of configKeys()) expect(page).toContain(`\`${key}\``);
  expect(Object.keys(configSchema.shape)).toEqual([
    ...new Set(configKeys().map((key) => key.split('.')[0])),
  ]);
});

describe('nativeConfig', () => {
  const shape = { modalities: [{ name: 'text', features: 3, sequence: false }], outputs: 1 };

  test('takes over what the engine knows', () => {
    const config = resolveConfig({ device: 'cpu', prediction: { loss: 'l1' }, seed: 9 });
    expect(nativeConfig(config, shape)).toMatchObject({
      seed: 9,
      outputs: 1,
      modalities: shape.modalities,
      weights: config.weights,
      environments: config.environments,
      optimizer: { learningRate: config.training.learningRate },
    });
  });

  test.each<Options>([{ device: 'auto', prediction: { loss: 'l1' } }, { device: 'cpu' }])(
    'wants what is automatic decided: %j',
    async (options) => {
      const error = await errorOf(() => nativeConfig(resolveConfig(options), shape));
      expect(error.code).toBe('ERR_CMIR_CONFIG');
    },
  );
});
