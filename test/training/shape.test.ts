import { resolveConfig, type Options } from '../../lib/config';
import { Dataset } from '../../lib/data/dataset';
import {
  checkClasses,
  checkModalities,
  decide,
  shapeOf,
  shapeSchema,
} from '../../lib/training/shape';
import { errorOf } from './fixture';

function dataset(widths: Record<string, number>, classes?: readonly string[] | null): Dataset {
  const label =
    classes === null
      ? null
      : classes === undefined
        ? ({ name: 'sentiment', task: 'regression', values: Float32Array.of(1, 2) } as const)
        : ({
            name: 'mood',
            task: 'classification',
            values: Float32Array.of(0, 1),
            classes,
          } as const);
  return new Dataset({
    name: 'here',
    ids: ['a', 'b'],
    modalities: Object.entries(widths).map(([name, features]) => ({
      name,
      features,
      values: new Float32Array(2 * features),
    })),
    label,
    splits: new Map(),
  });
}

const regression = shapeOf(dataset({ text: 3, audio: 2 }));
const classification = shapeOf(dataset({ text: 3 }, ['bad', 'fair', 'good']));
const decided = (options: Options, shape = regression, devices = 0) =>
  decide(resolveConfig(options), shape, devices);

test('the shape of a data set', () => {
  expect(regression).toEqual({
    task: 'regression',
    label: 'sentiment',
    classes: null,
    modalities: [
      { name: 'text', features: 3, sequence: false },
      { name: 'audio', features: 2, sequence: false },
    ],
    outputs: 1,
  });
  expect(classification).toMatchObject({ task: 'classification', outputs: 3 });
});

test('labels are needed', async () => {
  const error = await errorOf(() => shapeOf(dataset({ text: 1 }, null)));
  expect(error.code).toBe('ERR_CMIR_DATA');
  expect(error.message).toContain('here');
});

test('modalities fit in any order', () => {
  expect(() => {
    checkModalities(regression, dataset({ audio: 2, text: 3 }, null));
  }).not.toThrow();
});

test('a sequence is not a vector an example', async () => {
  const vectors = dataset({ text: 3, audio: 2 });
  const offsets = Float64Array.of(0, 2, 2);
  const modalities = vectors.modalities.map((modality) =>
    modality.name === 'audio' ? { ...modality, offsets } : modality,
  );
  const frames = vectors.with({ modalities });
  const error = await errorOf(() => {
    checkModalities(regression, frames);
  });
  expect(error.message).toContain('found audio (sequence of 2), text (3)');
  expect(error.message).toContain('expected audio (2), text (3)');
  expect(shapeOf(frames).modalities).toContainEqual({ name: 'audio', features: 2, sequence: true });
});

test('a shape of the time before sequences has none', () => {
  const old = { ...regression, modalities: [{ name: 'text', features: 3 }] };
  expect(shapeSchema.parse(old).modalities).toEqual([
    { name: 'text', features: 3, sequence: false },
  ]);
});

test.each([
  ['another width', { text: 3, audio: 4 }, 'audio (4), text (3)'],
  ['one missing', { text: 3 }, 'text (3)'],
  ['one more', { text: 3, audio: 2, vision: 5 }, 'audio (2), text (3), vision (5)'],
  ['another name', { text: 3, sound: 2 }, 'sound (2), text (3)'],
])('%s does not fit', async (_, widths: Record<string, number>, found) => {
  const error = await errorOf(() => {
    checkModalities(regression, dataset(widths));
  });
  expect(error.code).toBe('ERR_CMIR_MISMATCH');
  expect(error.message).toContain(`found ${found}`);
  expect(error.message).toContain('expected audio (2), text (3)');
});

test('classes in another order do not fit', async () => {
  const classes = classification.classes ?? [];
  checkClasses(classification, classes, 'mine');
  checkClasses(regression, null, 'mine');
  for (const other of [[...classes].reverse(), classes.slice(1), null]) {
    const error = await errorOf(() => {
      checkClasses(classification, other, 'mine');
    });
    expect(error.code).toBe('ERR_CMIR_MISMATCH');
    expect(error.message).toContain(`expected ${JSON.stringify(classes)}`);
  }
});

test('auto is decided by the task', () => {
  expect(decided({})).toMatchObject({
    task: 'regression',
    device: 'cpu',
    data: { label: 'sentiment' },
    prediction: { loss: 'l1' },
    training: { metric: 'MAE' },
  });
  expect(decided({}, classification)).toMatchObject({
    task: 'classification',
    prediction: { loss: 'crossEntropy' },
    training: { metric: 'Acc' },
  });
});

test('what is asked for stays', () => {
  const options: Options = {
    device: 'cuda:1',
    prediction: { loss: 'mse' },
    training: { metric: 'Corr' },
  };
  expect(decided(options, regression, 2)).toMatchObject(options);
});

test('auto takes the first CUDA device', () => {
  expect(decided({}, regression, 1).device).toBe('cuda:0');
});

test.each<[string, Options, typeof regression, string, RegExp]>([
  [
    'cross-entropy of values',
    { prediction: { loss: 'crossEntropy' } },
    regression,
    'ERR_CMIR_CONFIG',
    /prediction\.loss.*sentiment.*expected l1 or mse/,
  ],
  [
    'an absolute error of classes',
    { prediction: { loss: 'l1' } },
    classification,
    'ERR_CMIR_CONFIG',
    /prediction\.loss.*mood.*expected crossEntropy/,
  ],
  [
    'a metric of the other task',
    { training: { metric: 'Acc' } },
    regression,
    'ERR_CMIR_CONFIG',
    /training\.metric: found 'Acc'.*MAE/,
  ],
  [
    'an unknown metric',
    { training: { metric: 'mae' } },
    regression,
    'ERR_CMIR_CONFIG',
    /training\.metric: found 'mae'/,
  ],
  [
    'a device that is not there',
    { device: 'cuda' },
    regression,
    'ERR_CMIR_DEVICE',
    /'cuda'.*0 CUDA devices/,
  ],
])('%s is refused', async (_, options, shape, code, message) => {
  const error = await errorOf(() => decided(options, shape));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test('a CUDA device beyond the last is refused', async () => {
  const error = await errorOf(() => decided({ device: 'cuda:2' }, regression, 2));
  expect(error.code).toBe('ERR_CMIR_DEVICE');
});
