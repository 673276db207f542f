import { uniformInt } from 'pure-rand/distribution/uniformInt';

import { keyedGenerator } from './random';

/**
 * `rows` in a random order that depends on (seed, epoch) only, so that a resumed run sees the same batches.
 * Fisher-Yates; `rows` itself is left as it is. seed in [0, 2^53), epoch in [0, 2^32).
 */
export function shuffledRows(rows: Int32Array, seed: number, epoch: number): Int32Array {
  const shuffled = Int32Array.from(rows);
  const generator = keyedGenerator(seed, epoch);
  for (let last = shuffled.length - 1; last > 0; last -= 1) {
    const other = uniformInt(generator, 0, last);
    const row = shuffled[last] as number;
    shuffled[last] = shuffled[other] as number;
    shuffled[other] = row;
  }
  return shuffled;
}
