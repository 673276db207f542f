/** How often each example has each word: row i has words[at[starts[i]]] counts[starts[i]] times, and so on. */
export interface Bags {
  readonly words: readonly string[];
  /** [examples + 1] */
  readonly starts: Int32Array;
  /** Index of a word, ascending within an example. */
  readonly at: Int32Array;
  readonly counts: Int32Array;
}

/** Bags over all words there are, in the order in which they are first met. */
export function makeBags(texts: readonly (readonly string[])[]): Bags {
  const indexOf = new Map<string, number>();
  const starts = [0];
  const at: number[] = [];
  const counts: number[] = [];
  for (const text of texts) {
    const bag = new Map<number, number>();
    for (const word of text) {
      const index = indexOf.get(word) ?? indexOf.size;
      indexOf.set(word, index);
      bag.set(index, (bag.get(index) ?? 0) + 1);
    }
    for (const [index, count] of [...bag].sort(([a], [b]) => a - b)) {
      at.push(index);
      counts.push(count);
    }
    starts.push(at.length);
  }
  return {
    words: [...indexOf.keys()],
    starts: Int32Array.from(starts),
    at: Int32Array.from(at),
    counts: Int32Array.from(counts),
  };
}

/** Calls `visit` with every word of an example and how often it occurs. */
export function visitBag(
  { starts, at, counts }: Bags,
  row: number,
  visit: (word: number, count: number) => void,
): void {
  const end = starts[row + 1] as number;
  for (let i = starts[row] as number; i < end; i += 1) visit(at[i] as number, counts[i] as number);
}

/** How often each word occurs in `rows`. */
export function totals(bags: Bags, rows: Int32Array): Int32Array {
  const sums = new Int32Array(bags.words.length);
  for (const row of rows) {
    visitBag(bags, row, (word, count) => {
      sums[word] = (sums[word] as number) + count;
    });
  }
  return sums;
}

/** The same bags over the words only that `kept` takes. */
export function restrict(bags: Bags, kept: (word: number) => boolean): Bags {
  const newIndex = new Int32Array(bags.words.length).fill(-1);
  const words = bags.words.filter((_, word) => kept(word));
  let next = 0;
  bags.words.forEach((_, word) => {
    if (kept(word)) newIndex[word] = next++;
  });
  const starts = [0];
  const at: number[] = [];
  const counts: number[] = [];
  for (let row = 0; row + 1 < bags.starts.length; row += 1) {
    visitBag(bags, row, (word, count) => {
      if ((newIndex[word] as number) < 0) return;
      at.push(newIndex[word] as number);
      counts.push(count);
    });
    starts.push(at.length);
  }
  return {
    words,
    starts: Int32Array.from(starts),
    at: Int32Array.from(at),
    counts: Int32Array.from(counts),
  };
}
