/** Halvings of [-8, 8] down to the precision of float64. */
const BISECTIONS = 56;

/** N(0, 1)'s distribution function: G. Marsaglia, Evaluating the Normal Distribution, J. Stat. Software 11(4), 2004. */
function normalCdf(x: number): number {
  let sum = x;
  let term = x;
  for (let k = 3; sum + term !== sum; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** The bounds that cut N(0, 1) into `count` parts of equal probability, ascending, without the infinite ends. */
export function normalCuts(count: number): Float64Array {
  return Float64Array.from({ length: count - 1 }, (_, k) => {
    const share = (k + 1) / count;
    let [low, high] = [-8, 8];
    for (let step = 0; step < BISECTIONS; step += 1) {
      const middle = (low + high) / 2;
      if (normalCdf(middle) < share) low = middle;
      else high = middle;
    }
    return (low + high) / 2;
  });
}
