import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

import type { WordBalance } from './balance';

export interface Schedule {
  /** Of the first round, in units of the objective. */
  readonly temperature: number;
  /** Factor of the temperature from round to round, in (0, 1]. */
  readonly cooling: number;
  readonly rounds: number;
  /** Exchanges tried in a round. */
  readonly moves: number;
}

/**
 * Lowers `balance`, which holds the first `size` of `rows`, by simulated annealing: a move exchanges an example of
 * the set for one outside it, both drawn at random; it is kept if it lowers the value, or by chance
 * exp(-rise / temperature) (Metropolis). Reorders `rows` so that the best set that stood at the end of a round comes
 * first; `balance` is left as it is after the last. CLUE's moves on a sequence whose head is the set come to such
 * exchanges, one or several at a time.
 */
export function anneal(
  balance: WordBalance,
  rows: Int32Array,
  size: number,
  { temperature, cooling, rounds, moves }: Schedule,
  generator: RandomGenerator,
): void {
  if (size === rows.length) return;
  let best = Int32Array.from(rows);
  let least = balance.settle();
  let heat = temperature;
  for (let round = 0; round < rounds; round += 1, heat *= cooling) {
    for (let move = 0; move < moves; move += 1) {
      const inside = uniformInt(generator, 0, size - 1);
      const outside = uniformInt(generator, size, rows.length - 1);
      const before = balance.value;
      exchange(balance, rows, inside, outside);
      const rise = balance.value - before;
      if (rise > 0 && uniformFloat64(generator) >= Math.exp(-rise / heat)) {
        exchange(balance, rows, inside, outside);
      }
    }
    const value = balance.settle();
    if (value < least) {
      least = value;
      best = Int32Array.from(rows);
    }
  }
  rows.set(best);
}

function exchange(balance: WordBalance, rows: Int32Array, inside: number, outside: number): void {
  const leaving = rows[inside] as number;
  const entering = rows[outside] as number;
  balance.remove(leaving);
  balance.add(entering);
  rows[inside] = entering;
  rows[outside] = leaving;
}
