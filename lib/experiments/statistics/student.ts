/** A bound on the continued fraction, which needs some multiple of sqrt(df). */
const MOST_TERMS = 100_000;
const TINY = 1e-300;

/**
 * P(|T| >= |t|) of Student's t with a whole number of degrees of freedom, at least 1: the regularised incomplete beta
 * function I_x(df / 2, 1 / 2) at x = df / (df + t^2) (Abramowitz and Stegun, 26.7.1 and 26.5.8), to about 1e-13 of
 * the value, in the tails too.
 */
export function studentTwoSided(t: number, df: number): number {
  const ratio = t ** 2 / df;
  if (ratio === Infinity) return 0;
  const a = df / 2;
  const x = 1 / (1 + ratio);
  const rest = ratio / (1 + ratio);
  // x^a (1 - x)^(1/2) / B(a, 1/2), the factor of both fractions.
  const factor = Math.exp(-a * Math.log1p(ratio)) * (Math.sqrt(rest) / betaWithHalf(df));
  // The fraction converges fast on its own side of the mean only.
  return x < (a + 1) / (a + 2.5)
    ? (factor * betaFraction(x, a, 0.5)) / a
    : 1 - (factor * betaFraction(rest, 0.5, a)) / 0.5;
}

/** B(df / 2, 1 / 2), exact but for rounding: B(1/2, 1/2) = pi, B(1, 1/2) = 2, B(a + 1, 1/2) = B(a, 1/2) a / (a + 1/2). */
function betaWithHalf(df: number): number {
  let [at, value] = df % 2 === 1 ? [1, Math.PI] : [2, 2];
  for (; at < df; at += 2) value *= at / (at + 1);
  return value;
}

/** The continued fraction of I_x(a, b) by Lentz's method. */
function betaFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / awayFrom0(1 - ((a + b) * x) / (a + 1));
  let value = d;
  const take = (coefficient: number): number => {
    d = 1 / awayFrom0(1 + coefficient * d);
    c = awayFrom0(1 + coefficient / c);
    value *= c * d;
    return c * d;
  };
  for (let m = 1; m < MOST_TERMS; m += 1) {
    const even = a + 2 * m;
    take((m * (b - m) * x) / ((even - 1) * even));
    const change = take((-(a + m) * (a + b + m) * x) / (even * (even + 1)));
    if (Math.abs(change - 1) <= 4 * Number.EPSILON) break;
  }
  return value;
}

function awayFrom0(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
