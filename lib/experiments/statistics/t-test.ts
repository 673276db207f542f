import { average, largestSize, variance } from './describe';
import { differencesOf } from './pairs';
import { studentTwoSided } from './student';

/** A two-sided paired t-test. */
export interface PairedTTest {
  /** Pairs. */
  readonly n: number;
  /** Mean of first - second over its standard error, with n - 1 degrees of freedom. */
  readonly t: number | null;
  /** Two-sided. */
  readonly p: number | null;
  /** Why t and p are null; null where they are not. */
  readonly reason: string | null;
}

/**
 * Student's paired t-test that the mean of first - second is 0. Null with a reason for less than two pairs, for NaN or
 * infinite values, and for equal differences: without variance nothing tells how far off a mean may be, so that p is
 * neither 0 (of a gap) nor 1 (of none); R's t.test refuses these too. Equal means up to the rounding of the values.
 * Throws ERR_CMIR_USAGE when the lengths differ.
 */
export function pairedTTest(first: ArrayLike<number>, second: ArrayLike<number>): PairedTTest {
  const n = first.length;
  const differences = differencesOf(first, second);
  if (typeof differences === 'string') return { n, t: null, p: null, reason: differences };
  // Over their largest, so that squares neither overflow nor vanish; t has no unit.
  const unit = largestSize(differences);
  const scaled = differences.map((difference) => difference / unit);
  const error = Math.sqrt(variance(scaled) / n);
  const rounding = 10 * Number.EPSILON * (Math.max(largestSize(first), largestSize(second)) / unit);
  if (error <= rounding) return { n, t: null, p: null, reason: 'all differences are equal' };
  const t = average(scaled) / error;
  return { n, t, p: studentTwoSided(t, n - 1), reason: null };
}
