import { keyedGenerator, shuffle } from './random';

/**
 * `rows` in a random order that depends on (seed, epoch) only, so that a resumed run sees the same batches.
 * `rows` itself is left as it is. seed in [0, 2^53), epoch in [0, 2^32).
 */
export function shuffledRows(rows: Int32Array, seed: number, epoch: number): Int32Array {
  return shuffle(Int32Array.from(rows), keyedGenerator(seed, epoch));
}
