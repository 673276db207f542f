import { Dataset, type Modality } from '../../lib/data/dataset';
import { inspectDataset } from '../../lib/data/inspect';
import { syntheticDataset } from '../../lib/data/synthetic';

const text: Modality = {
  name: 'text',
  features: 4,
  // The second column is constant, the fourth is the first again; the last row lacks everything.
  values: Float32Array.of(1, 5, 2, 1, 3, 5, NaN, 3, 2, 5, 7, 2, NaN, NaN, NaN, NaN),
  columns: ['a', 'b', 'c', 'd'],
  nanIsMissing: true,
};
const audio: Modality = {
  name: 'audio',
  features: 1,
  values: Float32Array.of(1, NaN, -Infinity, 4, 5),
  offsets: Float64Array.of(0, 2, 2, 4, 5),
};
const DATA = new Dataset({
  name: 'data',
  ids: ['v$_$1', 'v$_$2', 'w$_$1', 'x$_$1'],
  modalities: [text, audio],
  label: { name: 'label', task: 'regression', values: Float32Array.of(-3, 0, 3, 1) },
  splits: new Map([
    ['train', Int32Array.of(0, 3)],
    ['test', Int32Array.of(1, 2)],
  ]),
  metadata: { video: ['v', 'v', 'w', 'x'] },
});

test('counts what is there and what is not', async () => {
  const { examples, splits, modalities, columns } = await inspectDataset(DATA);
  expect({ examples, splits, columns }).toEqual({
    examples: 4,
    splits: { train: 2, test: 2 },
    columns: ['video'],
  });
  expect(modalities).toEqual({
    text: {
      features: 4,
      sequence: false,
      max_length: 1,
      mean_length: 1,
      missing: 1,
      missing_values: 5,
      non_finite: 0,
      constant_features: ['b'],
      duplicated_features: [['d', 'a']],
    },
    audio: {
      features: 1,
      sequence: true,
      max_length: 2,
      mean_length: 1.25,
      missing: 1,
      missing_values: 0,
      non_finite: 2,
      constant_features: [],
      duplicated_features: [],
    },
  });
});

test('counts labels', async () => {
  const { label } = await inspectDataset(DATA);
  expect(label).toMatchObject({ name: 'label', kind: 'regression', min: -3, max: 3, mean: 0.25 });
  const bars = label?.histogram as { from: number; to: number; count: number }[];
  expect(bars[0]).toEqual({ from: -3, to: -2.5, count: 1 });
  expect(bars.at(-1)).toEqual({ from: 2.5, to: 3, count: 1 });
  expect(bars.reduce((sum, { count }) => sum + count, 0)).toBe(4);

  const classes = DATA.with({
    label: {
      name: 'humor',
      task: 'classification',
      values: Float32Array.of(0, 1, 1, 1),
      classes: ['no', 'yes'],
    },
  });
  expect((await inspectDataset(classes)).label).toMatchObject({
    kind: 'binary',
    histogram: [
      { class: 'no', count: 1 },
      { class: 'yes', count: 3 },
    ],
  });
});

test('says what may be wrong and what to do', async () => {
  const { warnings } = await inspectDataset(DATA);
  const expected = [
    /^no split valid: .* cmir data split/,
    /^train has 2 examples: too few/,
    /^test has 2 examples: too few/,
    /^text: missing for 1 example \(25\.0 %\)/,
    /^text: 1 constant feature \(b\)/,
    /^text: 1 feature the same as another \(d = a\)/,
    /^audio: 2 values NaN or infinite; .* data\.nonFinite/,
    /^audio: missing for 1 example/,
    /^the label's mean is 1\.50 in test and -1\.00 in train/,
    /^1 video in more than one split \(v\): .* --by group/,
  ];
  expect(warnings).toHaveLength(expected.length);
  expected.forEach((pattern, index) => {
    expect(warnings[index]).toMatch(pattern);
  });
});

test('finds copies of examples in other splits, and rare classes', async () => {
  const values = Float32Array.from({ length: 120 }, (_, i) => Math.floor(i / 2) % 59);
  const rows = Int32Array.from({ length: 60 }, (_, i) => i);
  const data = new Dataset({
    name: 'copies',
    ids: Array.from(rows, String),
    modalities: [{ name: 'text', features: 2, values }],
    label: {
      name: 'emotion',
      task: 'classification',
      values: Float32Array.from(rows, (i) => (i === 7 ? 1 : 0)),
      classes: ['joy', 'awe'],
    },
    splits: new Map([
      ['train', rows.subarray(0, 59)],
      ['test', rows.subarray(59)],
    ]),
  });
  const { warnings } = await inspectDataset(data);
  expect(warnings.join('\n')).toMatch(
    /1 example with exactly the features of one in another split/,
  );
  expect(warnings.join('\n')).toMatch(/rare classes: awe \(1\), beside 59/);
});

test('finds nothing wrong with the built-in data', async () => {
  const { warnings } = await inspectDataset(syntheticDataset());
  expect(warnings).toEqual([]);
});
