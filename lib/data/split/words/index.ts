import { CmirError } from '../../../errors';
import { listNames } from '../../cells';
import type { Dataset, Label } from '../../dataset';
import { exampleKey } from '../../keys';
import { keyedGenerator, shuffle } from '../../random';
import { mergeRows } from '../../rows';
import type { Resolved } from '../options';
import { anneal } from './anneal';
import { makeBags, restrict, totals, type Bags } from './bags';
import { balanceOf, WordBalance } from './balance';
import { countWords, polarities, polarityCorrelation, wordPolarity } from './polarity';
import { probeScores, type ProbeScores } from './probe';
import { wordsOf } from './tokens';

/** Columns taken as the text where none is named, first come first. */
const TEXT_COLUMNS = ['raw_text', 'text', 'words', 'transcript'];

/** CLUE keeps the words seen more than 50 times in its pool of 4659 examples of MOSEI. */
const CLUE = { count: 50, examples: 4659 };
const LEAST_COUNT = 3;

/** How strong the shift is. */
export interface WordsReport {
  /** The column that was read. */
  readonly text: string;
  /** What the shifted set was chosen for. */
  readonly objective: 'decorrelate' | 'invert';
  /** Examples that could become shifted. */
  readonly pool: number;
  /** Words that count, each of which the pool has at least `min_count` times. */
  readonly words: number;
  /** Occurrences from which a word counts. */
  readonly min_count: number;
  /** The objective (see WordBalance) of the whole pool, of a random set of the size of shifted, and of shifted. */
  readonly value: { readonly pool: number; readonly random: number; readonly shifted: number };
  /**
   * Correlation over words of their polarity in train with that in the pool, and in test and shifted as they are now;
   * null where it has no value.
   */
  readonly train_correlation: Readonly<Record<'pool' | 'test' | 'shifted', number | null>>;
  /** A linear model of the words, fitted to train, on test and on shifted as they are now; null without train. */
  readonly probe: Readonly<Record<'test' | 'shifted', ProbeScores>> | null;
}

export interface WordsSplit {
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly report: WordsReport;
}

/**
 * Takes `size` examples out of the pool, as `shifted`, in which words go with labels less than they do in train, or
 * the other way round, by simulated annealing on the objective of WordBalance. A shifted set that is there already
 * goes back into test first.
 * CLUE: https://arxiv.org/abs/2207.11652; its own recipe keeps the training set as it is, as does the pool `test`.
 * Throws ERR_CMIR_DATA for a data set without such text, labels or splits, ERR_CMIR_CONFIG for options that do not fit.
 */
export function splitByWords(dataset: Dataset, options: Resolved<'words'>): WordsSplit {
  const column = findText(dataset, options.text);
  const texts = dataset.metadata[column] as readonly string[];
  const polarity = polarities(dataset.name, dataset.label, options.neutral);
  const before = withoutShifted(dataset);
  const pool = poolOf(dataset, before, options.pool);
  const size = sizeOf(pool, options);
  const minCount =
    options.minCount ??
    Math.max(LEAST_COUNT, Math.round((CLUE.count * pool.length) / CLUE.examples));

  const all = makeBags(texts.map((text) => wordsOf(text, options.stopWords)));
  const inPool = totals(all, pool);
  const bags = restrict(all, (word) => (inPool[word] as number) >= minCount);
  if (bags.words.length === 0) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `split by words: minCount: no word of ${column} occurs ${String(minCount)} times in the pool of ` +
        `${String(pool.length)} examples, expected some that do; lower minCount or name another text`,
    );
  }
  const lean =
    options.objective === 'decorrelate'
      ? null
      : wordPolarity(countWords(bags, polarity, trainOf(dataset, before)));

  const drawn = draw(bags, polarity, lean, pool, size, options);
  const splits = withShifted(before, drawn.shifted);
  const set = { all, bags, polarity, label: dataset.label as Label };
  return {
    splits,
    report: {
      text: column,
      objective: options.objective,
      pool: pool.length,
      words: bags.words.length,
      min_count: minCount,
      value: drawn.value,
      ...compareWithTrain(set, pool, splits),
    },
  };
}

function findText({ name, metadata }: Dataset, wanted: string | null): string {
  const there = Object.keys(metadata);
  const found = (wanted === null ? TEXT_COLUMNS : [wanted]).find((column) => column in metadata);
  if (found !== undefined) return found;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${name}: found no column of text, expected ${wanted ?? TEXT_COLUMNS.join(', ')}; columns besides id, split and ` +
      `label: ${there.length === 0 ? 'none' : listNames(there)}`,
  );
}

/** The splits with shifted back in test. */
function withoutShifted({ splits }: Dataset): Map<string, Int32Array> {
  const { shifted, ...others } = Object.fromEntries(splits);
  if (shifted !== undefined) {
    others['test'] = mergeRows(others['test'] ?? new Int32Array(0), shifted);
  }
  return new Map(Object.entries(others));
}

function poolOf(
  { name, size }: Dataset,
  splits: ReadonlyMap<string, Int32Array>,
  which: 'test' | 'all',
): Int32Array {
  if (which === 'all') return Int32Array.from({ length: size }, (_, row) => row);
  const test = splits.get('test');
  if (test !== undefined) return Int32Array.from(test);
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${name}: found no split test to take shifted from, expected one; split by random first, or set pool to all`,
  );
}

function sizeOf(pool: Int32Array, { size, pool: which }: Resolved<'words'>): number {
  const found = size ?? Math.floor(pool.length / (which === 'test' ? 2 : 5));
  if (found >= 1 && found < pool.length) return found;
  throw new CmirError(
    'ERR_CMIR_CONFIG',
    `split by words: size: found ${String(found)}, expected 1 to ${String(pool.length - 1)}, less than the pool has`,
  );
}

function trainOf({ name }: Dataset, splits: ReadonlyMap<string, Int32Array>): Int32Array {
  const train = splits.get('train');
  if (train !== undefined) return train;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${name}: found no split train, expected one whose words the objective invert can turn round`,
  );
}

/** The annealed set, and the objective before and after. */
function draw(
  bags: Bags,
  polarity: Int8Array,
  lean: Float64Array | null,
  pool: Int32Array,
  size: number,
  { seed, annealing }: Resolved<'words'>,
): { shifted: Int32Array; value: WordsReport['value'] } {
  const generator = keyedGenerator(seed, exampleKey('split by words'));
  const rows = shuffle(Int32Array.from(pool), generator);
  const balance = new WordBalance(bags, polarity, lean);
  for (const row of rows.subarray(0, size)) balance.add(row);
  const random = balance.settle();
  anneal(
    balance,
    rows,
    size,
    { ...annealing, moves: annealing.moves ?? 4 * pool.length },
    generator,
  );
  const shifted = rows.slice(0, size).sort();
  const [whole, after] = [pool, shifted].map((set) => balanceOf(bags, polarity, lean, set));
  return { shifted, value: { pool: whole as number, random, shifted: after as number } };
}

/** `shifted` in place of the rows that other splits have of it; splits that it empties are gone. */
function withShifted(
  splits: ReadonlyMap<string, Int32Array>,
  shifted: Int32Array,
): Map<string, Int32Array> {
  const taken = new Set(shifted);
  const others = [...splits].map(
    ([name, rows]) => [name, rows.filter((row) => !taken.has(row))] as const,
  );
  return new Map([...others.filter(([, rows]) => rows.length > 0), ['shifted', shifted]]);
}

interface Labelled {
  /** Bags over all words, and over those that count. */
  readonly all: Bags;
  readonly bags: Bags;
  readonly polarity: Int8Array;
  readonly label: Label;
}

function compareWithTrain(
  { all, bags, polarity, label }: Labelled,
  pool: Int32Array,
  splits: ReadonlyMap<string, Int32Array>,
): Pick<WordsReport, 'train_correlation' | 'probe'> {
  const [train, test, shifted] = ['train', 'test', 'shifted'].map(
    (name) => splits.get(name) ?? new Int32Array(0),
  ) as [Int32Array, Int32Array, Int32Array];
  const counts = countWords(bags, polarity, train);
  const correlation = (rows: Int32Array): number | null =>
    polarityCorrelation(counts, countWords(bags, polarity, rows));
  return {
    train_correlation: {
      pool: correlation(pool),
      test: correlation(test),
      shifted: correlation(shifted),
    },
    probe: train.length === 0 ? null : probeScores(all, polarity, label, train, { test, shifted }),
  };
}
