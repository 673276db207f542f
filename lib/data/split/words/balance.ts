import type { Bags } from './bags';

/**
 * The objective of a set S of examples, kept up to date as examples enter and leave. With neg_w and pos_w, how often
 * word w occurs in negative and in positive examples of S, it is the sum over words that occur of
 *
 *     |pos_w - neg_w| / (pos_w + neg_w)        decorrelate: CLUE's V(S)
 *     q_w (pos_w - neg_w) / (pos_w + neg_w)    invert (ours): U(S), q_w the same share (pos - neg) / (pos + neg) in train
 *
 * V is 0 where every word is as often negative as positive. U is lowest where each word leans as far as can be to the
 * side opposite to train's, and a word that train does not know, or has on both sides alike, does not count.
 */
export class WordBalance {
  readonly #bags: Bags;
  readonly #polarity: Int8Array;
  /** q_w; null for V. */
  readonly #lean: Float64Array | null;
  /** pos_w - neg_w and pos_w + neg_w of S. */
  readonly #difference: Int32Array;
  readonly #total: Int32Array;
  #value = 0;

  constructor(bags: Bags, polarity: Int8Array, lean: Float64Array | null) {
    this.#bags = bags;
    this.#polarity = polarity;
    this.#lean = lean;
    this.#difference = new Int32Array(bags.words.length);
    this.#total = new Int32Array(bags.words.length);
  }

  /** Up to the rounding of the changes since `settle`. */
  get value(): number {
    return this.#value;
  }

  add(row: number): void {
    this.#change(row, 1);
  }

  remove(row: number): void {
    this.#change(row, -1);
  }

  /** Computes the value anew, without the rounding errors of many changes. */
  settle(): number {
    this.#value = 0;
    for (let word = 0; word < this.#total.length; word += 1) this.#value += this.#term(word);
    return this.#value;
  }

  #change(row: number, sign: 1 | -1): void {
    const side = this.#polarity[row] as number;
    if (side === 0) return;
    const { starts, at, counts } = this.#bags;
    const end = starts[row + 1] as number;
    for (let i = starts[row] as number; i < end; i += 1) {
      const word = at[i] as number;
      const count = sign * (counts[i] as number);
      this.#value -= this.#term(word);
      this.#total[word] = (this.#total[word] as number) + count;
      this.#difference[word] = (this.#difference[word] as number) + side * count;
      this.#value += this.#term(word);
    }
  }

  #term(word: number): number {
    const total = this.#total[word] as number;
    if (total === 0) return 0;
    const share = (this.#difference[word] as number) / total;
    if (this.#lean !== null) return share * (this.#lean[word] as number);
    return share < 0 ? -share : share;
  }
}

/** The objective of one set. */
export function balanceOf(
  bags: Bags,
  polarity: Int8Array,
  lean: Float64Array | null,
  rows: Int32Array,
): number {
  const balance = new WordBalance(bags, polarity, lean);
  for (const row of rows) balance.add(row);
  return balance.settle();
}
