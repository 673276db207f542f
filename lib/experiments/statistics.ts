import { jStat } from 'jstat';

type Values = readonly (number | null)[];

/** Those that are defined. */
export function defined(values: Values): number[] {
  return values.filter((value) => value !== null);
}

/** The mean of the defined values; null where none is. */
export function mean(values: Values): number | null {
  const known = defined(values);
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
}

/** The sample standard deviation (n - 1) of the defined values; null for less than two. */
export function deviation(values: Values): number | null {
  const known = defined(values);
  const centre = mean(known);
  if (centre === null || known.length < 2) return null;
  const squares = known.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (known.length - 1));
}

/**
 * p of Student's paired t-test, two-sided: the chance of a mean difference so far from 0 were there none. Only pairs
 * of which both are defined count. Null for less than two pairs, or where the differences are all the same.
 */
export function pairedTTest(a: Values, b: Values): number | null {
  const differences = a.flatMap((value, i) => {
    const other = b[i];
    return value === null || other === null || other === undefined ? [] : [value - other];
  });
  const spread = deviation(differences);
  const centre = mean(differences);
  if (spread === null || spread === 0 || centre === null) return null;
  const freedom = differences.length - 1;
  const t = centre / (spread / Math.sqrt(differences.length));
  // The tails of Student's t are an incomplete beta function (Abramowitz and Stegun, 26.7.1).
  return jStat.ibeta(freedom / (freedom + t * t), freedom / 2, 0.5);
}
