import { CmirError } from '../../../errors';
import type { Label } from '../../dataset';
import { type Bags, visitBag } from './bags';

/**
 * -1 negative, 1 positive, 0 not counted, one an example: the sign of a regression label, neutral ones not counted
 * or positive; of two classes the first is negative. Throws ERR_CMIR_DATA without a label or with other classes.
 */
export function polarities(
  source: string,
  label: Label | null,
  neutral: 'drop' | 'positive',
): Int8Array {
  const classes = label?.classes?.length ?? 0;
  if (label === null || (label.task === 'classification' && classes !== 2)) {
    const found = label === null ? 'no label' : `a label of ${String(classes)} classes`;
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: found ${found}, expected a regression label or two classes: to split by words there must be a ` +
        'negative and a positive side',
    );
  }
  const ofZero = neutral === 'positive' ? 1 : 0;
  return Int8Array.from(label.values, (value) =>
    label.task === 'classification' ? 2 * value - 1 : Math.sign(value) || ofZero,
  );
}

/** How often each word occurs in negative and in positive examples of `rows`. */
export interface WordCounts {
  readonly negative: Int32Array;
  readonly positive: Int32Array;
}

export function countWords(bags: Bags, polarity: Int8Array, rows: Int32Array): WordCounts {
  const negative = new Int32Array(bags.words.length);
  const positive = new Int32Array(bags.words.length);
  for (const row of rows) {
    const side = polarity[row] as number;
    if (side === 0) continue;
    const counts = side < 0 ? negative : positive;
    visitBag(bags, row, (word, count) => {
      counts[word] = (counts[word] as number) + count;
    });
  }
  return { negative, positive };
}

/** (positive - negative) / (positive + negative) of each word, in [-1, 1]; 0 where it does not occur. */
export function wordPolarity({ negative, positive }: WordCounts): Float64Array {
  return Float64Array.from(negative, (n, word) => {
    const p = positive[word] as number;
    return n + p === 0 ? 0 : (p - n) / (p + n);
  });
}

/** Pearson correlation of the words' polarity in two sets, over words that occur in both; null where there is none. */
export function polarityCorrelation(a: WordCounts, b: WordCounts): number | null {
  const occurs = ({ negative, positive }: WordCounts, word: number): boolean =>
    (negative[word] as number) + (positive[word] as number) > 0;
  const words = [...a.negative.keys()].filter((word) => occurs(a, word) && occurs(b, word));
  const [x, y] = [wordPolarity(a), wordPolarity(b)].map((all) => {
    const values = words.map((word) => all[word] as number);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - mean);
  }) as [number[], number[]];
  const product = (u: number[], v: number[]): number =>
    u.reduce((sum, value, i) => sum + value * (v[i] as number), 0);
  const norm = Math.sqrt(product(x, x) * product(y, y));
  return norm > 1e-12 ? product(x, y) / norm : null;
}
