/** Where the series of erf gives way to the continued fraction of erfc. */
const SERIES_BELOW = 2;
/** Terms of that fraction, summed from the last: enough for float64 from SERIES_BELOW on. */
const TERMS = 100;

/** P(Z <= z) of the standard normal distribution, to about 1e-13 of the value, in the tails too. */
export function normalCdf(z: number): number {
  return z < 0 ? normalTwoSided(z) / 2 : 1 - normalTwoSided(z) / 2;
}

/** P(|Z| >= |z|) of the standard normal distribution: erfc(|z| / sqrt(2)). */
export function normalTwoSided(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  return x < SERIES_BELOW ? 1 - erfSeries(x) : erfcFraction(x);
}

/** The z with P(Z <= z) = p, for p in (0, 1), by bisection. */
export function normalQuantile(p: number): number {
  let [low, high] = [-40, 40];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return middle;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
}

/** 2 / sqrt(pi) exp(-x^2) sum_n 2^n x^(2n + 1) / (1 3 ... (2n + 1)), whose terms are all positive. */
function erfSeries(x: number): number {
  let term = x;
  let sum = 0;
  for (let n = 0; sum + term !== sum; n += 1) {
    sum += term;
    term *= (2 * x * x) / (2 * n + 3);
  }
  return ((2 * Math.exp(-x * x)) / Math.sqrt(Math.PI)) * sum;
}

/** exp(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / ...))) (Abramowitz and Stegun, 7.1.14). */
function erfcFraction(x: number): number {
  let value = x;
  for (let n = TERMS; n > 0; n -= 1) value = x + n / 2 / value;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / value;
}
