import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { loadDataset } from '../../../lib/data/load';
import { keyedGenerator, shuffle } from '../../../lib/data/random';
import { splitDataset, type WordSplitOptions } from '../../../lib/data/split';
import { anneal } from '../../../lib/data/split/words/anneal';
import { makeBags, restrict, totals, type Bags } from '../../../lib/data/split/words/bags';
import { balanceOf, WordBalance } from '../../../lib/data/split/words/balance';
import {
  countWords,
  polarityCorrelation,
  wordPolarity,
} from '../../../lib/data/split/words/polarity';
import { fitProbe, predict } from '../../../lib/data/split/words/probe';
import { wordsOf } from '../../../lib/data/split/words/tokens';
import { ROOT } from '../../helpers/program';
import { errorOf } from '../fixture';
import {
  classification,
  draws,
  plainDataset,
  regression,
  rowsBySplit,
  wordyDataset,
} from './fixture';

describe('wordsOf', () => {
  test.each<[string, 'drop' | 'keep', string[]]>([
    ["It's NOT the BEST-ever movie!", 'drop', ['not', 'best', 'ever', 'movie']],
    ["It's NOT the best", 'keep', ['it', 's', 'not', 'the', 'best']],
    [' \t(…) ', 'drop', []],
    ['Größe über 42 naïve', 'drop', ['größe', 'über', '42', 'naïve']],
    ['这部电影 ok 了', 'drop', ['这', '部', '电', '影', 'ok', '了']],
    ['toString constructor', 'drop', ['tostring', 'constructor']],
  ])('%j, stop words: %s', (text, stopWords, words) => {
    expect(wordsOf(text, stopWords)).toEqual(words);
  });
});

/** Bags as a map from word to count, by example. */
function maps({ words, starts, at, counts }: Bags): Record<string, number>[] {
  return Array.from({ length: starts.length - 1 }, (_, row) => {
    const range = [...at.keys()].slice(starts[row], starts[row + 1]);
    const entries = range.map((i) => [words[at[i] ?? 0] ?? '', counts[i] ?? 0] as const);
    return Object.fromEntries(entries);
  });
}

describe('bags', () => {
  const bags = makeBags([['b', 'a', 'b'], [], ['constructor', 'a']]);

  test('count words by example', () => {
    expect(bags.words).toEqual(['b', 'a', 'constructor']);
    expect(maps(bags)).toEqual([{ b: 2, a: 1 }, {}, { constructor: 1, a: 1 }] as object[]);
    expect([...totals(bags, Int32Array.of(0, 2))]).toEqual([2, 2, 1]);
  });

  test('are restricted to some words', () => {
    const some = restrict(bags, (word) => word !== 1);
    expect(some.words).toEqual(['b', 'constructor']);
    expect(maps(some)).toEqual([{ b: 2 }, {}, { constructor: 1 }] as object[]);
  });
});

/** Random bags over 12 words with sides -1, 0, 1. */
function randomBags(seed: number, examples = 60): { bags: Bags; polarity: Int8Array } {
  const { integer } = draws(seed);
  const texts = Array.from({ length: examples }, () =>
    Array.from({ length: integer(0, 8) }, () => `w${String(integer(0, 11))}`),
  );
  return { bags: makeBags(texts), polarity: Int8Array.from(texts, () => integer(-1, 1)) };
}

/** The objective as it is written down, from nothing but the set. */
function naive(
  bags: Bags,
  polarity: Int8Array,
  lean: Float64Array | null,
  set: Int32Array,
): number {
  const examples = maps(bags);
  return bags.words.reduce((sum, word, index) => {
    let [negative, positive] = [0, 0];
    for (const row of set) {
      const count = examples[row]?.[word] ?? 0;
      if (polarity[row] === -1) negative += count;
      if (polarity[row] === 1) positive += count;
    }
    if (negative + positive === 0) return sum;
    const share = (positive - negative) / (positive + negative);
    return sum + (lean === null ? Math.abs(share) : (lean[index] ?? NaN) * share);
  }, 0);
}

describe('WordBalance', () => {
  test.each(['V', 'U'])('%s, changed step by step, is what a recount gives', (objective) => {
    for (let seed = 0; seed < 6; seed += 1) {
      const { bags, polarity } = randomBags(seed);
      const { integer, uniform } = draws(seed + 100);
      const lean =
        objective === 'V' ? null : Float64Array.from(bags.words, () => 2 * uniform() - 1);
      const balance = new WordBalance(bags, polarity, lean);
      const set = new Set<number>();
      for (let step = 0; step < 80; step += 1) {
        const row = integer(0, 59);
        if (set.delete(row)) balance.remove(row);
        else {
          set.add(row);
          balance.add(row);
        }
        const rows = Int32Array.from(set);
        const expected = naive(bags, polarity, lean, rows);
        expect(balance.value).toBeCloseTo(expected, 10);
        expect(balanceOf(bags, polarity, lean, rows)).toBeCloseTo(expected, 12);
      }
      expect(balance.settle()).toBeCloseTo(naive(bags, polarity, lean, Int32Array.from(set)), 12);
    }
  });
});

describe('anneal', () => {
  const schedule = { temperature: 0.1, cooling: 0.9, rounds: 60, moves: 200 };
  const rowsTo = (size: number) => Int32Array.from({ length: size }, (_, row) => row);

  function annealed(seed: number, changes: Partial<typeof schedule> = {}) {
    const { bags, polarity } = randomBags(seed, 80);
    const rows = rowsTo(80);
    const balance = new WordBalance(bags, polarity, null);
    for (const row of rows.subarray(0, 40)) balance.add(row);
    anneal(balance, rows, 40, { ...schedule, ...changes }, keyedGenerator(seed, 1));
    const valueOf = (set: Int32Array) => balanceOf(bags, polarity, null, set);
    return { rows, value: valueOf(rows.subarray(0, 40)), valueOf };
  }

  test('beats the best of many random subsets by far, and only reorders', () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const { rows, value, valueOf } = annealed(seed);
      expect(Int32Array.from(rows).sort()).toEqual(rowsTo(80));
      const generator = keyedGenerator(seed, 2);
      const random = Array.from({ length: 1000 }, () =>
        valueOf(shuffle(rowsTo(80), generator).subarray(0, 40)),
      );
      expect(value).toBeLessThan(0.5 * Math.min(...random));
    }
  });

  test('finds the best subset where all can be tried', () => {
    const { bags, polarity } = randomBags(3, 12);
    const subsets = Array.from({ length: 2 ** 12 }, (_, bits) =>
      rowsTo(12).filter((row) => (bits >> row) & 1),
    ).filter(({ length }) => length === 6);
    const least = Math.min(...subsets.map((set) => balanceOf(bags, polarity, null, set)));
    const rows = rowsTo(12);
    const balance = new WordBalance(bags, polarity, null);
    for (const row of rows.subarray(0, 6)) balance.add(row);
    anneal(balance, rows, 6, schedule, keyedGenerator(1, 1));
    expect(balanceOf(bags, polarity, null, rows.subarray(0, 6))).toBeCloseTo(least, 12);
  });

  test('keeps the best round: heat that never cools makes nothing worse than the start', () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const { value, valueOf } = annealed(seed, { temperature: 1e9, cooling: 1, rounds: 3 });
      expect(value).toBeLessThanOrEqual(valueOf(rowsTo(80).subarray(0, 40)));
    }
  });

  test('without rounds leaves the order as it is', () => {
    expect(annealed(1, { rounds: 0 }).rows).toEqual(rowsTo(80));
  });
});

test('polarity of words, and its correlation between sets', () => {
  const bags = makeBags([['good', 'good', 'so'], ['bad', 'so'], ['good'], ['bad'], ['rare']]);
  const polarity = Int8Array.of(1, -1, 1, -1, 0);
  const all = countWords(bags, polarity, Int32Array.of(0, 1, 2, 3, 4));
  expect(bags.words).toEqual(['good', 'so', 'bad', 'rare']);
  expect([...wordPolarity(all)]).toEqual([1, 0, -1, 0]);
  const [first, second] = [Int32Array.of(0, 1), Int32Array.of(2, 3)].map((rows) =>
    countWords(bags, polarity, rows),
  );
  // Of good, bad and so, the second set lacks so.
  expect(first && second && polarityCorrelation(first, second)).toBeCloseTo(1, 12);
  const turned = countWords(
    bags,
    polarity.map((side) => -side),
    Int32Array.of(0, 1),
  );
  expect(first && polarityCorrelation(first, turned)).toBeCloseTo(-1, 12);
  expect(
    first && polarityCorrelation(first, countWords(bags, polarity, Int32Array.of(4))),
  ).toBeNull();
});

test('the probe solves its ridge regression', () => {
  const { bags } = randomBags(8);
  const { uniform } = draws(9);
  const targets = Float64Array.from({ length: 60 }, () => uniform());
  const rows = Int32Array.from({ length: 50 }, (_, row) => row);
  const probe = fitProbe(bags, targets, rows);
  const mean = rows.reduce((sum, row) => sum + (targets[row] ?? NaN), 0) / 50;
  expect(probe.intercept).toBeCloseTo(mean, 12);
  // At the minimum the gradient vanishes: sum of (prediction - target) counts + 4 w = 0 for every word.
  const examples = maps(bags);
  bags.words.forEach((word, index) => {
    const gradient = rows.reduce(
      (sum, row) =>
        sum + (predict(probe, bags, row) - (targets[row] ?? NaN)) * (examples[row]?.[word] ?? 0),
      4 * (probe.weights[index] ?? NaN),
    );
    expect(Math.abs(gradient)).toBeLessThan(1e-8);
  });
});

describe('split by words', () => {
  const probeOf = (options: Partial<WordSplitOptions> = {}) => {
    const { report } = splitDataset(wordyDataset(), { by: 'words', ...options });
    return report.words;
  };

  test('decorrelate: the text alone tells much less of shifted than of the rest', () => {
    const words = probeOf();
    expect(words).toMatchObject({ text: 'raw_text', pool: 400, words: 20, min_count: 4 });
    expect(words?.value.shifted).toBeLessThan(0.3 * (words?.value.random ?? NaN));
    expect(words?.train_correlation.pool).toBeGreaterThan(0.9);
    expect(words?.train_correlation.test).toBeGreaterThan(0.9);
    const { test, shifted } = words?.probe ?? {};
    expect(test?.Non0_acc_2).toBeGreaterThan(0.9);
    expect(shifted?.Non0_acc_2).toBeLessThan(0.75);
    expect(shifted?.MAE).toBeGreaterThan((test?.MAE ?? NaN) + 0.3);
  });

  test('invert: words turn round', () => {
    const words = probeOf({ objective: 'invert', size: 80 });
    expect(words?.value.shifted).toBeLessThan(0);
    expect(words?.value.pool).toBeGreaterThan(0);
    expect(words?.train_correlation.shifted).toBeLessThan(-0.3);
    const { test, shifted } = words?.probe ?? {};
    expect(shifted?.Non0_acc_2).toBeLessThan((test?.Non0_acc_2 ?? NaN) - 0.1);
  });

  test('takes shifted out of test, half of it, and leaves the others as they were', () => {
    const source = wordyDataset();
    const { dataset } = splitDataset(source, { by: 'words' });
    expect(dataset.train.rows).toEqual(source.train.rows);
    expect(dataset.valid.rows).toEqual(source.valid.rows);
    const { test, shifted } = rowsBySplit(dataset);
    expect(shifted).toHaveLength(200);
    expect([...(test ?? []), ...(shifted ?? [])].sort((a, b) => a - b)).toEqual([
      ...source.test.rows,
    ]);
    expect(shifted).toEqual([...(shifted ?? [])].sort((a, b) => a - b));
  });

  test('a shifted set that is there goes back into test first', () => {
    const source = wordyDataset();
    const once = splitDataset(source, { by: 'words', seed: 5 }).dataset;
    const twice = splitDataset(once, { by: 'words' });
    expect(rowsBySplit(twice.dataset)).toEqual(
      rowsBySplit(splitDataset(source, { by: 'words' }).dataset),
    );
  });

  test('the pool all takes from every split, a fifth of all', () => {
    const source = wordyDataset();
    const { dataset, report } = splitDataset(source, { by: 'words', pool: 'all' });
    const splits = rowsBySplit(dataset);
    expect(splits['shifted']).toHaveLength(180);
    expect(splits['train']?.length).toBeLessThan(400);
    expect(
      Object.values(splits)
        .flat()
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 900 }, (_, row) => row));
    expect(report.words?.probe?.shifted.Non0_acc_2).toBeLessThan(
      report.words?.probe?.test.Non0_acc_2 ?? NaN,
    );
  });

  test('two classes are negative and positive', () => {
    const source = wordyDataset();
    const classes = Array.from(source.label?.values ?? [], (value) => Number(value > 0));
    const label = classification(classes, ['neg', 'pos']);
    const { report, dataset } = splitDataset(source.with({ label }), { by: 'words' });
    expect(dataset.splits.get('shifted')).toEqual(
      splitDataset(source, { by: 'words' }).dataset.splits.get('shifted'),
    );
    expect(report.words?.probe?.test.Acc).toBeGreaterThan(0.9);
    expect(report.words?.probe?.shifted.Acc).toBeLessThan(0.75);
  });

  test('neutral examples count for nothing, or as positive', () => {
    const texts = ['good', 'good', 'bad', 'bad', 'good', 'good'];
    const source = plainDataset(6, {
      label: regression([0, 1, -1, -1, 0, 1]),
      splits: new Map([['test', Int32Array.of(0, 1, 2, 3, 4, 5)]]),
      metadata: { text: texts },
    });
    const valueOf = (neutral: 'drop' | 'positive') =>
      splitDataset(source.with({ metadata: { text: ['x', 'x', 'x', 'x', 'x', 'x'] } }), {
        by: 'words',
        neutral,
        minCount: 1,
      }).report.words?.value.pool;
    expect(valueOf('drop')).toBe(0);
    expect(valueOf('positive')).toBeCloseTo(2 / 6, 12);
    const { report } = splitDataset(source, { by: 'words', minCount: 1 });
    // Without train there is nothing to compare with.
    expect(report.words).toMatchObject({
      probe: null,
      train_correlation: { pool: null, test: null, shifted: null },
    });
  });

  test('the schedule is an option', () => {
    const valueOf = (annealing: WordSplitOptions['annealing']) =>
      probeOf({ annealing })?.value ?? { random: NaN, shifted: NaN };
    const none = valueOf({ rounds: 0 });
    expect(none.shifted).toBe(none.random);
    const few = valueOf({ rounds: 2, moves: 400 });
    expect(few.shifted).toBeLessThan(none.shifted);
    expect(valueOf({}).shifted).toBeLessThan(few.shifted);
  });

  test.each<
    [
      string,
      Partial<WordSplitOptions>,
      (d: ReturnType<typeof wordyDataset>) => typeof d,
      string,
      string,
    ]
  >([
    [
      'no text',
      {},
      (d) => d.with({ metadata: { video: [] } }),
      'ERR_CMIR_DATA',
      'plain: found no column of text, expected raw_text, text, words, transcript; columns besides id, split and label: video',
    ],
    ['another text', { text: 'caption' }, (d) => d, 'ERR_CMIR_DATA', 'expected caption; columns'],
    ['no labels', {}, (d) => d.with({ label: null }), 'ERR_CMIR_DATA', 'found no label, expected'],
    [
      'three classes',
      {},
      (d) => d.with({ label: classification(new Float32Array(900), ['a', 'b', 'c']) }),
      'ERR_CMIR_DATA',
      'found a label of 3 classes, expected a regression label or two classes',
    ],
    [
      'no test split',
      {},
      (d) => d.with({ splits: new Map([['train', Int32Array.of(0, 1)]]) }),
      'ERR_CMIR_DATA',
      'found no split test to take shifted from',
    ],
    [
      'no train to invert',
      { objective: 'invert' },
      (d) => d.with({ splits: new Map([['test', Int32Array.of(0, 1, 2, 3)]]) }),
      'ERR_CMIR_DATA',
      'found no split train',
    ],
    [
      'a set as large as the pool',
      { size: 400 },
      (d) => d,
      'ERR_CMIR_CONFIG',
      'split by words: size: found 400, expected 1 to 399',
    ],
    [
      'words too rare',
      { minCount: 5000 },
      (d) => d,
      'ERR_CMIR_CONFIG',
      'split by words: minCount: no word of raw_text occurs 5000 times in the pool of 400 examples',
    ],
  ])('refuses %s', async (_, options, change, code, message) => {
    const source = change(wordyDataset());
    const error = await errorOf(() => splitDataset(source, { by: 'words', ...options }));
    expect(error.code).toBe(code);
    expect(error.message).toContain(message);
  });
});

const MOSI = join(ROOT, '..', 'shared', 'data', 'cmu-mosi');
const onMosi = existsSync(MOSI) ? test : test.skip;

onMosi('on CMU-MOSI the words alone lose a good part of what they tell', async () => {
  const source = await loadDataset(MOSI);
  const { report } = splitDataset(source, { by: 'words' });
  const { words } = report;
  expect(words).toMatchObject({ text: 'transcript', pool: 752, min_count: 8 });
  expect(words?.value.shifted).toBeLessThan(0.25 * (words?.value.random ?? NaN));
  const { test: rest, shifted } = words?.probe ?? {};
  expect(shifted?.Non0_acc_2).toBeLessThan((rest?.Non0_acc_2 ?? NaN) - 0.05);
  const inverted = splitDataset(source, { by: 'words', objective: 'invert' }).report.words;
  expect(inverted?.train_correlation.shifted).toBeLessThan(0);
  expect(inverted?.probe?.shifted.Non0_acc_2).toBeLessThan(rest?.Non0_acc_2 ?? NaN);
});
