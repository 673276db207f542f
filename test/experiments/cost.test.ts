import { resolveConfig, type Options } from '../../lib/config';
import { syntheticDataset } from '../../lib/data/synthetic';
import { countCost, meanFrames, measureLatency } from '../../lib/experiments/cost';
import { createTrainer, Model } from '../../lib/training/model';
import { decide, shapeOf, type ModelShape } from '../../lib/training/shape';
import { train } from '../../lib/training/train';
import { findPython } from '../helpers/python';
import { TINY, errorOf, tinyDataset } from '../training/fixture';

const SHAPE: ModelShape = {
  task: 'regression',
  label: 'label',
  classes: null,
  modalities: [
    { name: 'text', features: 7, sequence: false },
    { name: 'audio', features: 4, sequence: false },
  ],
  outputs: 1,
};
/** Constraints without matrix products but the decoder's. */
const PLAIN = {
  model: { hidden: 6, latent: 5 },
  environments: { count: 2 },
  weights: { invariance: 1, decorrelation: 0, reconstruction: 1 },
  training: { batchSize: 4 },
} as const satisfies Options;

function cost(options: Options, shape = SHAPE, frames = {}) {
  return countCost(resolveConfig(options), shape, frames);
}

test('one modality and all constraints, by hand', () => {
  const shape = { ...SHAPE, modalities: SHAPE.modalities.slice(0, 1) };
  const all = { ...PLAIN, weights: { invariance: 1, decorrelation: 1, reconstruction: 1 } };
  // D = 7, H = 6, d = 5, E = 3, B = 4 < d.
  const encoder = 2 * (7 * 6) * 2 + 2 * (6 * 10) * 3; // the first layer has no gradient in its input
  const decoder = 2 * (10 * 6 + 6 * 7) * 3;
  const head = 2 * (5 * 6 + 6) * 3;
  const decorrelation = (3 * 2 * 4 * 4 * 5) / 4;
  expect(cost(all, shape)).toEqual({
    parameters: 8 * 6 + 7 * 10 + (11 * 6 + 7 * 7) + (6 * 6 + 7),
    inference_parameters: 8 * 6 + 7 * 5 + (6 * 6 + 7),
    training_flops_per_example: 3 * (encoder + decoder + head + decorrelation),
    inference_flops_per_example: 2 * (7 * 6 + 6 * 5 + 5 * 6 + 6),
  });
  const gram = { ...all, training: { batchSize: 5 } };
  expect(cost(gram, shape).training_flops_per_example).toBe(
    3 * (encoder + decoder + head + (4 * 2 * 5 * 5 * 5) / 5),
  );
});

describe('what a setting changes', () => {
  const training = (options: Options): number =>
    cost({ ...PLAIN, ...options }).training_flops_per_example;
  const none = { invariance: 0, decorrelation: 0, reconstruction: 0 };

  test('without environments and constraints it is three predictions but for the spurious half', () => {
    const { inference_flops_per_example } = cost(PLAIN);
    const first = 2 * (7 + 4) * 6;
    const spurious = 2 * (2 * 6 * 5);
    expect(training({ environments: { count: 0 }, weights: none })).toBe(
      3 * inference_flops_per_example - first + 3 * spurious,
    );
  });

  test('each environment costs as much as the clean one', () => {
    const [zero, one, five] = [0, 1, 5].map((count) =>
      training({ environments: { count }, weights: none }),
    ) as [number, number, number];
    expect(one).toBe(2 * zero);
    expect(five).toBe(6 * zero);
  });

  test('the head on the clean environment alone runs once', () => {
    const head = 3 * 2 * (10 * 6 + 6);
    expect(training({}) - training({ prediction: { on: 'clean' } })).toBe(2 * head);
  });

  test('a shared draw saves products of the first layer', () => {
    const first = 2 * 2 * (7 + 4) * 6;
    const shared = (count: number) => training({ environments: { count, sharing: 'common' } });
    expect(training({}) - shared(2)).toBe(first);
    expect(shared(1)).toBe(training({ environments: { count: 1 } }));
  });
});

describe('sequences', () => {
  const modalities = [{ name: 'text', features: 7, sequence: true }] as const;
  const shape = { ...SHAPE, modalities };
  const flat = { ...SHAPE, modalities: [{ ...modalities[0], sequence: false }] };
  const pooled = (pooling: 'mean' | 'attention' | 'gru'): Options => ({
    ...PLAIN,
    model: { ...PLAIN.model, pooling },
  });

  test('a mean of frames needs no products', () => {
    expect(cost(pooled('mean'), shape)).toEqual(cost(PLAIN, flat));
  });

  test('attention scores and weighs the frames, and wants the gradient of its sum', () => {
    const [found, without] = [cost(pooled('attention'), shape, { text: 9.5 }), cost(PLAIN, flat)];
    expect(found.parameters - without.parameters).toBe(7);
    const product = 2 * 9.5 * 7;
    expect(found.inference_flops_per_example - without.inference_flops_per_example).toBe(
      2 * product,
    );
    expect(found.training_flops_per_example - without.training_flops_per_example).toBe(
      3 * (4 * product + 2 * 7 * 6),
    );
  });

  test('a gru has three gates, and its state is what the encoder sees', () => {
    const state = { ...SHAPE, modalities: [{ name: 'text', features: 6, sequence: false }] };
    const [found, without] = [cost(pooled('gru'), shape, { text: 4 }), cost(PLAIN, state)];
    expect(found.parameters - without.parameters).toBe(3 * 6 * (7 + 6 + 2));
    const [input, recurrent] = [2 * 4 * 7 * 18, 2 * 4 * 6 * 18];
    expect(found.inference_flops_per_example - without.inference_flops_per_example).toBe(
      input + recurrent,
    );
    expect(found.training_flops_per_example - without.training_flops_per_example).toBe(
      3 * (2 * input + 3 * recurrent + 2 * 6 * 6),
    );
  });

  test('refuses to guess the number of frames', async () => {
    const error = await errorOf(() => cost(pooled('gru'), shape));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toMatch(/frames\.text: found undefined.*meanFrames/);
  });

  test('mean frames are those that count', () => {
    const sizes = { train: 4, valid: 0, test: 0, shifted: 0 };
    const sequence = { text: { minLength: 0, maxLength: 9 } };
    const data = syntheticDataset({ ...sizes, modalities: { text: 2, audio: 3 }, sequence });
    const offsets = data.modalities[0]?.offsets ?? new Float64Array();
    const lengths = [0, 1, 2, 3].map((i) => (offsets[i + 1] as number) - (offsets[i] as number));
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(meanFrames(data)).toEqual({ text: mean(lengths) });
    const cut = mean(lengths.map((length) => Math.min(length, 3)));
    expect(meanFrames(data, 3)).toEqual({ text: cut });
    expect(cut).toBeLessThan(mean(lengths));
  });
});

test.each(['mean', 'attention', 'gru'] as const)(
  'parameters are those of the model, with pooling %s',
  (pooling) => {
    const data = syntheticDataset({
      ...{ train: 4, valid: 0, test: 0, shifted: 0, classes: 3 },
      modalities: { text: 5, audio: 3 },
      sequence: { text: { length: 2 } },
    });
    const shape = shapeOf(data);
    const config = decide(resolveConfig({ ...TINY, model: { ...TINY.model, pooling } }), shape, 0);
    using model = new Model(createTrainer(config, shape), config, shape);
    expect(countCost(config, shape, meanFrames(data)).parameters).toBe(model.parameterCount);
  },
);

test('torch counts the same', () => {
  const python = findPython();
  if (python === undefined) return;
  const cases: { options: Options; settings: object }[] = [
    {
      options: { environments: { count: 0 }, weights: { invariance: 0, reconstruction: 0 } },
      settings: {},
    },
    { options: {}, settings: { invariance: 1, reconstruction: 1 } },
    {
      options: { prediction: { on: 'clean' }, environments: { count: 4 } },
      settings: { on: 'clean', reconstruction: 1 },
    },
    // The batch is smaller than the code, so that both take the B x B form.
    {
      options: { weights: { decorrelation: 1 } },
      settings: { decorrelation: 1, reconstruction: 1 },
    },
  ];
  const problems = cases.map(({ options, settings }) => {
    const merged = { ...PLAIN, ...options, weights: { ...PLAIN.weights, ...options.weights } };
    const { environments } = resolveConfig(merged);
    return {
      merged,
      given: {
        modalities: Object.fromEntries(
          SHAPE.modalities.map(({ name, features }) => [name, features]),
        ),
        batch: PLAIN.training.batchSize,
        environments: 1 + (environments as unknown[]).length,
        outputs: SHAPE.outputs,
        ...PLAIN.model,
        settings,
      },
    };
  });
  const document = JSON.stringify(problems.map(({ given }) => given));
  const counted = JSON.parse(python.run(['test/python/flops.py', document])) as object[];
  const found = problems.map(({ merged, given: { batch } }) => {
    const { training_flops_per_example, inference_flops_per_example } = cost(merged);
    return {
      training: batch * training_flops_per_example,
      inference: batch * inference_flops_per_example,
    };
  });
  expect(found).toEqual(counted);
});

describe('latency', () => {
  const data = tinyDataset();
  let model: Model;
  beforeAll(async () => {
    ({ model } = await train(data, TINY));
  });
  afterAll(() => {
    model.dispose();
  });

  test('is the median of so many predictions of so many examples', async () => {
    const predict = jest.spyOn(model, 'predict');
    const latency = await measureLatency(model, data.test, 30, { warmUp: 2, repeats: 5 });
    expect(predict).toHaveBeenCalledTimes(7);
    const { rows } = predict.mock.calls[0]?.[0] as typeof data.test;
    expect([...rows]).toEqual([...data.test.rows, ...data.test.rows.slice(0, 6)]);
    const { median_ms, quartiles_ms } = latency;
    expect(latency).toMatchObject({ examples: 30, repeats: 5 });
    expect(quartiles_ms[0]).toBeGreaterThan(0);
    expect(quartiles_ms[0]).toBeLessThanOrEqual(median_ms);
    expect(median_ms).toBeLessThanOrEqual(quartiles_ms[1]);
    predict.mockRestore();
  });

  test('takes median and quartiles between the values next to them', async () => {
    const times = [0, 4, 10, 11, 20, 22, 30, 33]; // of calls of 4, 1, 2 and 3
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => times.shift() ?? NaN);
    const predict = jest.spyOn(model, 'predict').mockResolvedValue({} as never);
    try {
      const latency = await measureLatency(model, data.test, 1, { warmUp: 0, repeats: 4 });
      expect(latency.median_ms).toBe(2.5);
      expect(latency.quartiles_ms).toEqual([1.75, 3.25]);
    } finally {
      clock.mockRestore();
      predict.mockRestore();
    }
  });

  test('needs examples and repeats', async () => {
    const empty = { ...data.test, rows: new Int32Array() };
    expect((await errorOf(() => measureLatency(model, empty, 1))).message).toContain('is empty');
    for (const [examples, options] of [
      [0, {}],
      [1.5, {}],
      [1, { repeats: 0 }],
      [1, { warmUp: -1 }],
    ] as const) {
      const error = await errorOf(() => measureLatency(model, data.test, examples, options));
      expect(error.code).toBe('ERR_CMIR_USAGE');
      expect(error.message).toMatch(/found (0|1.5|-1), expected an integer from/);
    }
  });
});
