import { normalTwoSided } from './normal';
import { differencesOf } from './pairs';

/** The largest number of non-zero differences whose distribution is enumerated. */
const LARGEST_EXACT = 25;

/** Wilcoxon's signed-rank test, two-sided. */
export interface WilcoxonTest {
  /** Pairs that differ; the test leaves out the others. */
  readonly n: number;
  /** Sum of the ranks of the positive differences first - second, ranked by size, equals at their average rank. */
  readonly w: number | null;
  /** Two-sided. */
  readonly p: number | null;
  /** How p was computed: from all sign patterns, or by the normal approximation. */
  readonly method: 'exact' | 'normal';
  /** Why w and p are null; null where they are not. */
  readonly reason: string | null;
}

/**
 * Wilcoxon's signed-rank test that first - second is symmetric about 0. Differences of 0 are left out (Wilcoxon's own
 * rule). Up to 25 others p is exact, with ties too: twice the smaller tail of the rank sum over all signs, at most 1;
 * above, by the normal approximation with the variance corrected for ties, without a continuity correction, as
 * scipy.stats.wilcoxon. Differences are compared exactly, as float64. Null with a reason for less than two pairs, for
 * NaN or infinite values, and for differences that are all 0, which leave nothing to test. Throws ERR_CMIR_USAGE when the lengths differ.
 */
export function wilcoxonSignedRank(
  first: ArrayLike<number>,
  second: ArrayLike<number>,
): WilcoxonTest {
  const differences = differencesOf(first, second);
  if (typeof differences === 'string') {
    return { n: 0, w: null, p: null, method: 'exact', reason: differences };
  }
  const changed = differences.filter((difference) => difference !== 0);
  const n = changed.length;
  const ranks = doubledRanks(changed.map(Math.abs));
  const w = ranks.reduce((sum, rank, i) => sum + ((changed[i] as number) > 0 ? rank : 0), 0);
  const isExact = n <= LARGEST_EXACT;
  const p = isExact ? exactTwoSided(ranks, w) : approximateTwoSided(ranks, w);
  return { n, w: w / 2, p, method: isExact ? 'exact' : 'normal', reason: null };
}

/** Twice the rank of each size from 1, whole numbers though equals share their average rank. */
function doubledRanks(sizes: readonly number[]): number[] {
  const sorted = sizes.toSorted((a, b) => a - b);
  const ranks = new Map<number, number>();
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const size = sorted[start] as number;
    while (end < sorted.length && sorted[end] === size) end += 1;
    ranks.set(size, start + 1 + end);
  }
  return sizes.map((size) => ranks.get(size) as number);
}

/** By the number of sign patterns that give each sum, all of which are below 2^53. */
function exactTwoSided(ranks: readonly number[], w: number): number {
  const total = sumOf(ranks);
  const counts = new Float64Array(total + 1);
  counts[0] = 1;
  for (const rank of ranks) {
    for (let sum = total; sum >= rank; sum -= 1) {
      counts[sum] = (counts[sum] as number) + (counts[sum - rank] as number);
    }
  }
  // The distribution is symmetric about total / 2, so that the smaller tail is the lower one of the smaller sum.
  const tail = counts.subarray(0, Math.min(w, total - w) + 1).reduce((sum, count) => sum + count);
  return Math.min(1, (2 * tail) / 2 ** ranks.length);
}

/** The variance of the sum, sum_i rank_i^2 / 4, holds the correction for ties. */
function approximateTwoSided(ranks: readonly number[], w: number): number {
  const squares = ranks.reduce((sum, rank) => sum + rank ** 2, 0);
  return normalTwoSided((w - sumOf(ranks) / 2) / Math.sqrt(squares / 4));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
