import { CmirError } from '../../errors';
import type { Values } from './describe';

/** Pairs of two methods' values that are both defined, with the same seed or example at the same place. */
export interface Pairs {
  /** Values of the first, without those whose partner is null. */
  readonly first: readonly number[];
  /** Values of the second, of the same length. */
  readonly second: readonly number[];
}

/** Leaves out every pair in which either value is null. Throws ERR_CMIR_USAGE when the lengths differ. */
export function definedPairs(first: Values, second: Values): Pairs {
  checkPaired(first, second);
  const a: number[] = [];
  const b: number[] = [];
  for (let pair = 0; pair < first.length; pair += 1) {
    const [x, y] = [first[pair], second[pair]];
    if (typeof x !== 'number' || typeof y !== 'number') continue;
    a.push(x);
    b.push(y);
  }
  return { first: a, second: b };
}

/** first - second, pair by pair, or why a paired test of them has no result. Throws as definedPairs. */
export function differencesOf(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): number[] | string {
  checkPaired(first, second);
  const differences = Array.from(first, (value, pair) => value - (second[pair] as number));
  if (differences.length < 2) return 'less than two pairs';
  const bad = differences.filter((difference) => !Number.isFinite(difference)).length;
  if (bad > 0) {
    return `${String(bad)} of ${String(differences.length)} differences are NaN or infinite`;
  }
  if (differences.every((difference) => difference === 0)) return 'all differences are 0';
  return differences;
}

function checkPaired(first: Values, second: Values): void {
  if (first.length === second.length) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `paired values: found ${String(first.length)} of the first and ${String(second.length)} of the second, ` +
      'expected one of each a pair; give both methods the same seeds or examples',
  );
}
