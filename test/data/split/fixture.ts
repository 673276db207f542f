import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';

import { Dataset, type DatasetFields } from '../../../lib/data/dataset';
import { keyedGenerator } from '../../../lib/data/random';

/** Draws for one test: an integer from `low` to `high`, or a number from [0, 1). */
export function draws(seed: number): {
  integer: (low: number, high: number) => number;
  uniform: () => number;
} {
  const generator = keyedGenerator(seed, 77);
  return {
    integer: (low, high) => uniformInt(generator, low, high),
    uniform: () => uniformFloat64(generator),
  };
}

/** A data set of `size` examples with one feature, for what looks at everything else. */
export function plainDataset(size: number, fields: Partial<DatasetFields> = {}): Dataset {
  return new Dataset({
    name: 'plain',
    ids: Array.from({ length: size }, (_, row) => `e${String(row)}`),
    modalities: [{ name: 'text', features: 1, values: new Float32Array(size) }],
    label: null,
    splits: new Map(),
    ...fields,
  });
}

export function regression(values: ArrayLike<number>): Dataset['label'] {
  return { name: 'label', task: 'regression', values: Float32Array.from(values) };
}

export function classification(
  values: ArrayLike<number>,
  classes: readonly string[],
): Dataset['label'] {
  return { name: 'label', task: 'classification', values: Float32Array.from(values), classes };
}

/** Splits of these sizes, one after another. */
export function blocks(sizes: Readonly<Record<string, number>>): Map<string, Int32Array> {
  let first = 0;
  return new Map(
    Object.entries(sizes).map(([name, size]) => {
      first += size;
      return [name, Int32Array.from({ length: size }, (_, i) => first - size + i)];
    }),
  );
}

/** Words that go with a label: good0 to good9 seven times in ten with a positive one, bad0 to bad9 with a negative. */
export function wordyDataset(seed = 1, sizes = { train: 400, valid: 100, test: 400 }): Dataset {
  const { integer, uniform } = draws(seed);
  const splits = blocks(sizes);
  const size = Object.values(sizes).reduce((a, b) => a + b);
  const values = Float32Array.from({ length: size }, () => 6 * uniform() - 3);
  const texts = Array.from(values, (value) => {
    const words = Array.from({ length: 6 }, () => {
      const agrees = uniform() < 0.7;
      return `${value > 0 === agrees ? 'good' : 'bad'}${String(integer(0, 9))}`;
    });
    return `The ${words.join(', ')}, and so on!`;
  });
  return plainDataset(size, { label: regression(values), splits, metadata: { raw_text: texts } });
}

/** Rows by split as plain lists. */
export function rowsBySplit({ splits }: Dataset): Record<string, number[]> {
  return Object.fromEntries([...splits].map(([name, rows]) => [name, [...rows]]));
}
