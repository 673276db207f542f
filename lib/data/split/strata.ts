import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

import type { Label } from '../dataset';
import { shuffle } from '../random';

/**
 * All row numbers, those of a like label together and in a random order: class after class, or `bins` stretches of
 * a sorted regression label, equal in size but for one. Without a label, or with null, all in one random order.
 */
export function stratifiedOrder(
  size: number,
  label: Label | null,
  bins: number,
  generator: RandomGenerator,
): Int32Array {
  const rows = shuffle(
    Int32Array.from({ length: size }, (_, row) => row),
    generator,
  );
  if (label === null) return rows;
  const { values, task } = label;
  // Stable: rows of equal labels stay in their random order.
  const sorted = rows.sort((a, b) => (values[a] as number) - (values[b] as number));
  if (task === 'classification') return sorted;
  for (let bin = 0; bin < bins; bin += 1) {
    const [begin, end] = [bin, bin + 1].map((edge) => Math.round((edge * size) / bins));
    shuffle(sorted.subarray(begin, end), generator);
  }
  return sorted;
}
