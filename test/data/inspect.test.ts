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

/** Splits of so many examples each, one after another. */
function blocks(sizes: Readonly<Record<string, number>>): Map<string, Int32Array> {
  let begin = 0;
  return new Map(
    Object.entries(sizes).map(([name, size]) => {
      begin += size;
      return [name, Int32Array.from({ length: size }, (_, i) => begin - size + i)];
    }),
  );
}

describe('round numbers, which differ in few bits,', () => {
  /** One bit of a scrambled counter: no two of up to 2^32 counters agree in all of its 32 bits. */
  const bit = (counter: number, place: number): number =>
    (Math.imul(counter + 1, 0x9e3779b1) >>> place) & 1;
  const dataOf = (rows: number, features: number, values: Float32Array): Dataset =>
    new Dataset({
      name: 'bits',
      ids: Array.from({ length: rows }, (_, i) => `e${String(i)}`),
      modalities: [{ name: 'bits', features, values }],
      label: null,
      splits: blocks({ train: rows / 2, test: rows / 2 }),
    });

  test('make no copies of examples where there are none, and hide none', async () => {
    const values = Float32Array.from({ length: 4000 * 32 }, (_, i) =>
      bit(Math.floor(i / 32), i % 32),
    );
    const copies = async () =>
      (await inspectDataset(dataOf(4000, 32, values))).warnings.filter((text) =>
        text.includes('exactly the features'),
      );
    expect(await copies()).toEqual([]);
    values.copyWithin(3999 * 32, 0, 32);
    expect(await copies()).toEqual([expect.stringMatching(/^1 example with exactly/)]);
  });

  test('make no copies of features where there are none, and hide none', async () => {
    const values = Float32Array.from({ length: 32 * 4000 }, (_, i) =>
      bit(i % 4000, Math.floor(i / 4000)),
    );
    const copies = async () =>
      (await inspectDataset(dataOf(32, 4000, values))).modalities['bits']?.duplicated_features;
    expect(await copies()).toEqual([]);
    for (let row = 0; row < 32; row += 1) {
      values[row * 4000 + 9] = values[row * 4000 + 3] as number;
    }
    expect(await copies()).toEqual([['feature 9', 'feature 3']]);
  });
});

describe('labels', () => {
  const sizes = { train: 200, valid: 60, test: 100 };
  const size = 360;
  const warningsOf = async (value: (row: number) => number, classes?: readonly string[]) => {
    const rows = Float32Array.from({ length: size }, (_, row) => row);
    const values = rows.map(value);
    const data = new Dataset({
      name: 'labels',
      ids: Array.from(rows, String),
      modalities: [{ name: 'text', features: 1, values: rows }],
      label:
        classes === undefined
          ? { name: 'label', task: 'regression', values }
          : { name: 'label', task: 'classification', values, classes },
      splits: blocks(sizes),
    });
    return (await inspectDataset(data)).warnings;
  };

  test('of which most are one value', async () => {
    expect(await warningsOf((row) => (row % 10 < 6 ? 0 : 1 + (row % 3)))).toEqual([
      expect.stringMatching(/^the label is 0 in 60\.0 % of the examples: a constant scores well/),
    ]);
    expect(await warningsOf((row) => (row % 10 < 4 ? 0 : 1 + (row % 3)))).toEqual([]);
  });

  test('whose mean is another in a split, beyond chance', async () => {
    const wave = (row: number) => (row % 5) - 2;
    expect(await warningsOf((row) => wave(row) + Number(row >= 260))).toEqual([
      expect.stringMatching(/^the label's mean is 1\.00 in test and 0\.00 in train: .*random/),
    ]);
    // In valid, 0.39 deviations: more than a quarter, but of 60 examples within three standard errors, 0.44.
    const inValid = (row: number) => row >= 200 && row < 260;
    expect(await warningsOf((row) => wave(row) + 0.55 * Number(inValid(row)))).toEqual([]);
  });

  test('of classes with another share in a split, beyond chance', async () => {
    const classes = ['sad', 'glad'];
    expect(await warningsOf((row) => Number(row >= 260 ? row % 4 > 0 : row % 2), classes)).toEqual([
      expect.stringMatching(/^class sad is 25\.0 % of test and 50\.0 % of train: another distrib/),
    ]);
    // In valid 67 % beside 50 %: of 60 examples chance may do that.
    const inValid = (row: number) => row >= 200 && row < 260;
    expect(
      await warningsOf((row) => Number(inValid(row) ? row % 3 > 0 : row % 2), classes),
    ).toEqual([]);
  });
});

test('finds nothing wrong with the built-in data', async () => {
  const { warnings } = await inspectDataset(syntheticDataset());
  expect(warnings).toEqual([]);
});
