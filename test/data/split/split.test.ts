import { splitDataset, type SplitOptions } from '../../../lib/data/split';
import { baselineMetrics } from '../../../lib/metrics';
import { errorOf } from '../fixture';
import {
  classification,
  draws,
  plainDataset,
  regression,
  rowsBySplit,
  wordyDataset,
} from './fixture';

const ascending = (rows: readonly number[]) => [...rows].sort((a, b) => a - b);

/** Labels drawn at random, videos of one to nine examples. */
function videoDataset(seed: number, size = 400) {
  const { integer, uniform } = draws(seed);
  const video: string[] = [];
  for (let v = 0; video.length < size; v += 1) {
    for (let i = integer(1, 9); i > 0 && video.length < size; i -= 1) video.push(`v${String(v)}`);
  }
  const labels = Array.from({ length: size }, () => Math.round(12 * uniform()) / 2 - 3);
  return plainDataset(size, { label: regression(labels), metadata: { video } });
}

const METHODS: SplitOptions[] = [
  { by: 'random' },
  { by: 'random', stratify: false, fractions: { train: 0.6, test: 0.3, shifted: 0.1 } },
  { by: 'group' },
  { by: 'kfold', k: 7, fold: 7 },
  { by: 'kfold', group: 'video' },
];

describe.each(METHODS)('%j', (options) => {
  test('every example is in one split, in the order of the source', () => {
    const { dataset } = splitDataset(videoDataset(1), options);
    const splits = rowsBySplit(dataset);
    expect(ascending(Object.values(splits).flat())).toEqual(
      Array.from({ length: 400 }, (_, row) => row),
    );
    for (const rows of Object.values(splits)) expect(rows).toEqual(ascending(rows));
  });

  test('the seed decides, and nothing else', () => {
    const source = videoDataset(1);
    const split = (seed: number) => rowsBySplit(splitDataset(source, { ...options, seed }).dataset);
    expect(split(3)).toEqual(split(3));
    expect(split(3)).not.toEqual(split(4));
    const other = source.with({ splits: new Map([['test', Int32Array.of(0, 1)]]) });
    expect(rowsBySplit(splitDataset(other, { ...options, seed: 3 }).dataset)).toEqual(split(3));
  });

  test('all but the splits stays what it was', () => {
    const source = videoDataset(1);
    const { dataset } = splitDataset(source, options);
    expect(dataset.modalities).toBe(source.modalities);
    expect(dataset.label).toBe(source.label);
    expect(dataset.metadata).toBe(source.metadata);
    expect(source.splits.size).toBe(0);
  });
});

describe('random', () => {
  test('sizes are the fractions, splits in their usual order', () => {
    const fractions = { shifted: 0.1, test: 0.2, valid: 0.2, train: 0.5 };
    const { dataset } = splitDataset(videoDataset(2), { by: 'random', fractions });
    expect([...dataset.splits].map(([name, rows]) => [name, rows.length])).toEqual([
      ['train', 200],
      ['valid', 80],
      ['test', 80],
      ['shifted', 40],
    ]);
  });

  test('every class is parted alike, however rare', () => {
    const classes = Array.from({ length: 1000 }, (_, row) => (row < 900 ? 0 : row < 980 ? 1 : 2));
    const label = classification(classes, ['a', 'b', 'c']);
    const { dataset } = splitDataset(plainDataset(1000, { label }), { by: 'random' });
    for (const [name, share] of [
      ['train', 0.7],
      ['valid', 0.1],
      ['test', 0.2],
    ] as const) {
      const counts = [0, 0, 0];
      for (const row of dataset.split(name).rows)
        counts.splice(classes[row] ?? 0, 1, (counts[classes[row] ?? 0] ?? 0) + 1);
      [900, 80, 20].forEach((size, c) => {
        expect(Math.abs((counts[c] ?? 0) - share * size)).toBeLessThan(2);
      });
    }
  });

  test('a regression label is spread alike, far better than by chance', () => {
    const { uniform } = draws(5);
    const values = Array.from({ length: 500 }, () => uniform() ** 3);
    const source = plainDataset(500, { label: regression(values) });
    const spread = (stratify: boolean) =>
      Array.from({ length: 20 }, (_, seed) => {
        const { dataset } = splitDataset(source, { by: 'random', seed, stratify });
        const mean = (rows: Int32Array) =>
          rows.reduce((sum, row) => sum + (values[row] ?? NaN), 0) / rows.length;
        return Math.abs(mean(dataset.valid.rows) - mean(dataset.train.rows));
      }).reduce((a, b) => a + b);
    expect(spread(true)).toBeLessThan(0.3 * spread(false));
  });

  test('takes data without labels', () => {
    const { dataset, report } = splitDataset(plainDataset(50), { by: 'random' });
    expect(dataset.train.rows).toHaveLength(35);
    expect(report.splits).toEqual({
      train: { examples: 35 },
      valid: { examples: 5 },
      test: { examples: 10 },
    });
  });

  test('too few examples for a split are refused', async () => {
    const error = await errorOf(() => splitDataset(plainDataset(3), { by: 'random' }));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toMatch(/^plain: found 3 examples, too few for a share of 0.10 in valid/);
  });
});

describe('group', () => {
  const partOf = (dataset: ReturnType<typeof plainDataset>, groups: readonly string[]) => {
    const part = new Map<string, Set<string>>();
    for (const [name, rows] of dataset.splits) {
      for (const row of rows) {
        const group = groups[row] ?? '';
        part.set(group, (part.get(group) ?? new Set()).add(name));
      }
    }
    return part;
  };

  test.each<SplitOptions>([{ by: 'group' }, { by: 'kfold', group: 'video' }])(
    '%j: no group is in two splits',
    (options) => {
      for (let seed = 0; seed < 10; seed += 1) {
        const source = videoDataset(seed);
        const { dataset, report } = splitDataset(source, { ...options, seed });
        const parts = partOf(dataset, source.metadata['video'] ?? []);
        expect(report.groups).toBe(parts.size);
        for (const splits of parts.values()) expect(splits.size).toBe(1);
        expect(Math.abs((dataset.splits.get('test')?.length ?? 0) - 80)).toBeLessThan(9);
      }
    },
  );

  test('any column may name the groups', () => {
    const speaker = Array.from({ length: 90 }, (_, row) => ` s${String(row % 9)}`);
    const source = plainDataset(90, { metadata: { speaker } });
    const fractions = { train: 0.5, test: 0.5 };
    const { dataset } = splitDataset(source, { by: 'group', group: 'speaker', fractions });
    for (const splits of partOf(dataset, speaker).values()) expect(splits.size).toBe(1);
  });

  test.each([
    ['MMSA', (video: number, clip: number) => `ab_${String(video)}$_$${String(clip)}`],
    ['CMU-SDK', (video: number, clip: number) => `ab_${String(video)}[${String(clip)}]`],
    ['MOSI', (video: number, clip: number) => `ab_${String(video)}_${String(clip)}`],
  ])('without a column video, ids such as %s’s tell', (_, idOf) => {
    const ids = Array.from({ length: 60 }, (__, row) => idOf(row % 12, row));
    const videos = ids.map((___, row) => String(row % 12));
    const { dataset, report } = splitDataset(plainDataset(60, { ids }), { by: 'group' });
    expect(report.groups).toBe(12);
    for (const splits of partOf(dataset, videos).values()) expect(splits.size).toBe(1);
  });

  test.each<[string, SplitOptions, ReturnType<typeof plainDataset>, string]>([
    [
      'ids that name no video',
      { by: 'group' },
      plainDataset(5),
      'plain: found id e0, expected a column video, or ids such as video_1, video$_$1 or video[1]',
    ],
    [
      'an unknown column',
      { by: 'group', group: 'speaker' },
      videoDataset(1),
      "plain: found no column 'speaker' that names groups, expected one of video, or video to",
    ],
    [
      'an empty cell',
      { by: 'kfold', group: 'who' },
      plainDataset(3, { metadata: { who: ['a', ' ', 'b'] } }),
      'plain: found no who for id e1, expected a group for every example',
    ],
    [
      'fewer groups than splits',
      { by: 'group', group: 'who' },
      plainDataset(9, { metadata: { who: Array.from('aaaaabbbb') } }),
      'plain: found 2 groups of who, too few for a share of 0.10 in valid',
    ],
  ])('refuses %s', async (_, options, dataset, message) => {
    const error = await errorOf(() => splitDataset(dataset, options));
    expect(error.code).toBe('ERR_CMIR_DATA');
    expect(error.message).toContain(message);
  });
});

describe('kfold', () => {
  test.each([null, 'video'])('over all folds (group %s), each example is test once', (group) => {
    const source = videoDataset(3);
    const tests: number[] = [];
    const valids: number[] = [];
    for (let fold = 1; fold <= 4; fold += 1) {
      const { dataset } = splitDataset(source, { by: 'kfold', k: 4, fold, group });
      tests.push(...dataset.test.rows);
      valids.push(...dataset.valid.rows);
      expect(Math.abs(dataset.train.rows.length - 200)).toBeLessThan(9);
      // The next fold's test set is this one's valid set.
      const next = splitDataset(source, { by: 'kfold', k: 4, fold: (fold % 4) + 1, group });
      expect(next.dataset.test.rows).toEqual(dataset.valid.rows);
    }
    expect(ascending(tests)).toEqual(Array.from({ length: 400 }, (_, row) => row));
    expect(ascending(valids)).toEqual(ascending(tests));
  });
});

describe('the report', () => {
  test('tells priors and the constant of a regression', () => {
    const { dataset, report } = splitDataset(videoDataset(4), { by: 'group', seed: 9 });
    expect(report).toMatchObject({ by: 'group', seed: 9 });
    const labels = (name: string) =>
      Float32Array.from(dataset.split(name).rows, (row) => dataset.label?.values[row] ?? NaN);
    const constant = baselineMetrics('regression', labels('train'), labels('test')).metrics;
    const test = labels('test');
    expect(report.splits['test']).toEqual({
      examples: test.length,
      priors: {
        negative: test.filter((y) => y < 0).length / test.length,
        neutral: test.filter((y) => y === 0).length / test.length,
        positive: test.filter((y) => y > 0).length / test.length,
      },
      mean: expect.closeTo(test.reduce((a, b) => a + b) / test.length, 10) as number,
      constant: {
        MAE: expect.closeTo(constant['MAE'] ?? NaN, 10) as number,
        Non0_acc_2: expect.closeTo(constant['Non0_acc_2'] ?? NaN, 10) as number,
      },
    });
  });

  test('tells priors and the constant of classes', () => {
    const label = classification(
      [...Array<number>(60).fill(1), ...Array<number>(40).fill(0)],
      ['no', 'yes'],
    );
    const { report } = splitDataset(plainDataset(100, { label }), { by: 'random' });
    expect(report.splits['test']).toEqual({
      examples: 20,
      priors: { no: 0.4, yes: 0.6 },
      constant: { Acc: 0.6 },
    });
  });

  test('of all-neutral labels and without train knows what it cannot tell', () => {
    const label = regression(new Float32Array(20));
    const fractions = { test: 1 };
    const { report } = splitDataset(plainDataset(20, { label }), { by: 'random', fractions });
    expect(report.splits['test']).toMatchObject({ constant: null });
    const { report: other } = splitDataset(plainDataset(20, { label }), { by: 'random' });
    expect(other.splits['test']).toMatchObject({ constant: { MAE: 0, Non0_acc_2: null } });
  });

  test('is the same for a data set split twice', () => {
    const source = wordyDataset();
    expect(splitDataset(source, { by: 'words' })).toEqual(splitDataset(source, { by: 'words' }));
  });
});
