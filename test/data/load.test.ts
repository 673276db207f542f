import { Dataset, type DatasetFields } from '../../lib/data/dataset';
import { loadDataset, type DatasetArrays, type LoadOptions } from '../../lib/data/load';
import { syntheticDataset } from '../../lib/data/synthetic';
import { errorOf } from './fixture';

const ARRAYS: DatasetArrays = {
  modalities: {
    text: [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    audio: { features: 1, values: Float32Array.of(7, 8, 9) },
  },
  labels: [0.5, -1, 2],
  splits: ['train', 'train', 'test'],
};

async function problemOf(source: Dataset | DatasetArrays, options?: LoadOptions): Promise<string> {
  const error = await errorOf(() => loadDataset(source, options));
  expect(error.code).toBe('ERR_CMIR_DATA');
  return error.message;
}

describe('arrays', () => {
  test('become a data set', async () => {
    const dataset = await loadDataset(ARRAYS);
    expect(dataset.name).toBe('arrays');
    expect(dataset.ids).toEqual(['0', '1', '2']);
    expect(dataset.modalities).toEqual([
      { name: 'text', features: 2, values: Float32Array.of(1, 2, 3, 4, 5, 6) },
      { name: 'audio', features: 1, values: Float32Array.of(7, 8, 9) },
    ]);
    expect(dataset.label?.values).toEqual(Float32Array.of(0.5, -1, 2));
    expect([...dataset.splits]).toEqual([
      ['train', Int32Array.of(0, 1)],
      ['test', Int32Array.of(2)],
    ]);
  });

  test('take names, ids, columns and class names', async () => {
    const dataset = await loadDataset(
      {
        ...ARRAYS,
        name: 'mine',
        ids: ['x', 'y', 'z'],
        modalities: { text: { features: 1, values: Float32Array.of(1, 2, 3), columns: ['c'] } },
        labels: ['b', 'a', 'b'],
      },
      { label: 'mood' },
    );
    expect([dataset.name, dataset.ids]).toEqual(['mine', ['x', 'y', 'z']]);
    expect(dataset.modalities[0]?.columns).toEqual(['c']);
    expect(dataset.label).toEqual({
      name: 'mood',
      task: 'classification',
      values: Float32Array.of(1, 0, 1),
      classes: ['a', 'b'],
    });
  });

  test('read float32 labels exactly', async () => {
    const labels = Float32Array.of(0.1, 1 / 3, -1e-8);
    expect((await loadDataset({ ...ARRAYS, labels })).label?.values).toEqual(labels);
  });

  test('need labels and splits for training only', async () => {
    const { modalities } = ARRAYS;
    const dataset = await loadDataset({ modalities }, { requireLabel: false });
    expect([dataset.label, dataset.splits.size, dataset.size]).toEqual([null, 0, 3]);
    expect(await problemOf({ modalities })).toBe(
      'arrays: found no labels, expected one for every example',
    );
    expect(await problemOf({ modalities, labels: [1, 2, 3.5] })).toBe(
      'arrays: found no split, expected examples with split train to learn from',
    );
  });

  test.each<[string, Partial<DatasetArrays>, string]>([
    [
      'a ragged row',
      { modalities: { text: [[1, 2], [3], [4, 5]] } },
      'arrays, modality text, row 1: found 1 features, expected 2 as in row 0',
    ],
    [
      'another number of rows',
      { modalities: { text: [[1], [2], [3]], audio: [[1], [2]] } },
      'arrays, modality audio, rows: found 2, expected 3, one an example',
    ],
    [
      'values that are not whole rows',
      { modalities: { text: { features: 2, values: new Float32Array(7) } } },
      'arrays, modality text: found 7 values, expected 6 (3 examples of 2 features)',
    ],
    [
      'a width of 0',
      { modalities: { text: { features: 0, values: new Float32Array(3) } } },
      'arrays, modality text: found 0 features, expected at least one',
    ],
    ['labels', { labels: [1] }, 'arrays, labels: found 1, expected 3, one an example'],
    ['splits', { splits: ['train'] }, 'arrays, splits: found 1, expected 3, one an example'],
    ['ids', { ids: ['a'] }, 'arrays, modality text, rows: found 3, expected 1, one an example'],
    [
      'an unknown split',
      { splits: ['train', 'trian', 'test'] },
      "arrays, row 1 (id 1): found split 'trian', expected train, valid, test, shifted; is 'train' meant?",
    ],
    [
      'a label that is not finite',
      { labels: [1, NaN, 2] },
      "arrays, row 1 (id 1), label 'label': found 'NaN', expected a finite number",
    ],
    [
      'a repeated id',
      { ids: ['a', 'b', 'a'] },
      'arrays: found id a in rows 0 and 2, expected unique ids',
    ],
    [
      'no modality',
      { modalities: {}, ids: ['a', 'b', 'c'] },
      'arrays: found no modality, expected',
    ],
    [
      'a dot in a name',
      { modalities: { 'a.b': [[1], [2], [3]] } },
      "arrays: found modality 'a.b', expected a name without a dot",
    ],
    [
      'no features',
      { modalities: { text: [[], [], []] } },
      'arrays, modality text: found 0 features, expected at least one',
    ],
  ])('refuse %s', async (_, change, expected) => {
    expect(await problemOf({ ...ARRAYS, ...change })).toContain(expected);
  });

  test('refuse no examples', async () => {
    const empty = { modalities: { text: [] }, labels: [], splits: [] };
    expect(await problemOf(empty)).toBe('arrays: found no examples, expected at least one');
  });

  test('refuse or keep a feature that is not finite', async () => {
    const arrays = {
      ...ARRAYS,
      modalities: {
        text: [
          [1, 2],
          [3, -Infinity],
          [5, 6],
        ],
      },
    };
    expect(await problemOf(arrays)).toBe(
      'arrays, modality text, row 1 (id 1), feature 1: found -Infinity, expected a finite float32 number; ' +
        'set data.nonFinite to mean to take the training mean instead',
    );
    const dataset = await loadDataset(arrays, { nonFinite: 'mean' });
    expect(dataset.modalities[0]?.values[3]).toBe(-Infinity);
  });
});

describe('a Dataset', () => {
  const fields: DatasetFields = {
    name: 'made',
    ids: ['a', 'b'],
    modalities: [{ name: 'text', features: 1, values: Float32Array.of(1, 2), columns: ['c'] }],
    label: {
      name: 'y',
      task: 'classification',
      values: Float32Array.of(0, 1),
      classes: ['n', 'p'],
    },
    splits: new Map([['train', Int32Array.of(0, 1)]]),
  };

  test('is checked and returned', async () => {
    const dataset = syntheticDataset({ train: 3, valid: 1, test: 1, shifted: 1 });
    expect(await loadDataset(dataset)).toBe(dataset);
  });

  test.each<[string, Partial<DatasetFields>, LoadOptions, string]>([
    [
      'a modality twice',
      { modalities: [...fields.modalities, ...fields.modalities] },
      {},
      "made: found modality 'text' twice, expected unique names",
    ],
    [
      'a wrong number of values',
      { modalities: [{ name: 'text', features: 2, values: new Float32Array(3) }] },
      {},
      'made, modality text: found 3 values, expected 4 (2 examples of 2 features)',
    ],
    [
      'NaN',
      {
        modalities: [
          { name: 'text', features: 1, values: Float32Array.of(1, NaN), columns: ['c'] },
        ],
      },
      {},
      'made, modality text, row 1 (id b), c: found NaN, expected a finite float32 number',
    ],
    [
      'a row outside',
      { splits: new Map([['train', Int32Array.of(0, 2)]]) },
      {},
      'made: split train: found row 2, expected 0 to 1',
    ],
    [
      'a label of the other task',
      {},
      { task: 'regression' },
      "made, label 'y': found a classification label, expected one for regression",
    ],
    [
      'too few labels',
      { label: { name: 'y', task: 'regression', values: Float32Array.of(1) } },
      {},
      "made, label 'y': found 1 values, expected 2, one an example",
    ],
    [
      'a label that is not finite',
      { label: { name: 'y', task: 'regression', values: Float32Array.of(1, Infinity) } },
      {},
      "made, label 'y', row 1 (id b): found Infinity, expected a finite number",
    ],
    [
      'a label that is no class',
      {
        label: {
          name: 'y',
          task: 'classification',
          values: Float32Array.of(0, 2),
          classes: ['n', 'p'],
        },
      },
      {},
      "made, label 'y', row 1 (id b): found 2, expected an index into the classes n, p",
    ],
    ['no label', { label: null }, {}, 'made: found no labels, expected one for every example'],
  ])('with %s is refused', async (_, change, options, expected) => {
    expect(await problemOf(new Dataset({ ...fields, ...change }), options)).toContain(expected);
  });
});
