import { resolveConfig, type Options } from '../../lib/config';
import { keyedGenerator, normalSource } from '../../lib/data/random';
import { decideClassWeights } from '../../lib/training/classes';
import { train } from '../../lib/training/train';
import { errorOf, TINY } from './fixture';

const shape = {
  task: 'classification',
  label: 'mood',
  classes: ['bad', 'fair', 'good'],
  modalities: [{ name: 'text', features: 2, sequence: false }],
  outputs: 3,
} as const;
type Weights = NonNullable<Options['prediction']>['classWeights'];

const decided = (
  classWeights: NonNullable<Weights>,
  targets: number[],
  modelShape: Parameters<typeof decideClassWeights>[1] = shape,
) =>
  decideClassWeights(
    resolveConfig({ prediction: { classWeights } }),
    modelShape,
    Float32Array.from(targets),
  ).prediction.classWeights;

test('balanced weights are N / (C count)', () => {
  expect(decided('balanced', [0, 0, 0, 1, 2, 2])).toEqual([6 / 9, 6 / 3, 6 / 6]);
  expect(decided('balanced', [0, 1, 2])).toEqual([1, 1, 1]);
  expect(decided('balanced', [0, 0, 1])).toEqual([3 / 6, 3 / 3, 1]);
});

test('none and numbers stay', () => {
  expect(decided('none', [0, 1])).toBe('none');
  expect(decided([1, 2, 3], [0, 1])).toEqual([1, 2, 3]);
});

test('another number of weights, or no classes, is refused', async () => {
  const few = await errorOf(() => decided([1, 2], []));
  expect(few.code).toBe('ERR_CMIR_CONFIG');
  expect(few.message).toContain('found 2 weights, expected 3');
  expect(few.message).toContain('bad, fair, good');
  const values = { ...shape, task: 'regression', classes: null, outputs: 1 } as const;
  const regression = await errorOf(() => decided('balanced', [], values));
  expect(regression.code).toBe('ERR_CMIR_CONFIG');
  expect(regression.message).toContain('regression');
});

test('training counts a rare class as much as it is told to', async () => {
  // 1 example in 10 is of the rare class, and its feature tells little.
  const draw = normalSource(keyedGenerator(1, 2));
  const count = 4000;
  const labels = Array.from({ length: count }, (_, i) => (i % 10 === 0 ? 'rare' : 'usual'));
  const data = {
    ids: Array.from({ length: count }, (_, i) => `e${String(i)}`),
    splits: Array.from({ length: count }, (_, i) => (i < 3000 ? 'train' : 'valid')),
    labels,
    modalities: { text: labels.map((label) => [draw() + (label === 'rare' ? 0.5 : 0)]) },
  };
  const options = (classWeights: NonNullable<Weights>): Options => ({
    ...TINY,
    environments: { count: 1, intensity: 0.1 },
    training: { epochs: 1, batchSize: 100, learningRate: 0.02 }, // no epoch to choose
    prediction: { classWeights },
  });
  const shareOfRare = async (classWeights: NonNullable<Weights>): Promise<number> => {
    const { model, config } = await train(data, options(classWeights));
    const { probabilities } = await model.predict(data);
    model.dispose();
    const expected = classWeights === 'balanced' ? [3000 / 600, 3000 / 5400] : 'none';
    expect(config.prediction.classWeights).toEqual(expected);
    const rare = Array.from(probabilities ?? []).filter((_, i) => i % 2 === 0);
    return rare.reduce((sum, p) => sum + p, 0) / rare.length;
  };
  expect(await shareOfRare('balanced')).toBeGreaterThan(0.35);
  expect(await shareOfRare('none')).toBeLessThan(0.2);
});
