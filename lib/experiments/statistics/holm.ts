import { CmirError } from '../../errors';

/**
 * Holm's step-down correction: the k-th smallest of m values becomes the largest so far of (m - k + 1) p, at most 1.
 * Nulls stay null and do not count among the m. Throws ERR_CMIR_USAGE for a value that is no probability.
 */
export function holm(values: readonly (number | null)[]): (number | null)[] {
  const tests = values.flatMap((p, index) => (p === null ? [] : [{ p, index }]));
  for (const { p, index } of tests) {
    if (p >= 0 && p <= 1) continue;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `p-value ${String(index)}: found ${String(p)}, expected 0 to 1, or null`,
    );
  }
  const corrected: (number | null)[] = values.map(() => null);
  let largest = 0;
  tests
    .toSorted((a, b) => a.p - b.p)
    .forEach(({ p, index }, rank) => {
      largest = Math.max(largest, Math.min(1, (tests.length - rank) * p));
      corrected[index] = largest;
    });
  return corrected;
}
