import { confusionOf, type Confusion } from './confusion';
import type { FloatArray, Outcome } from './metric';
import { roundHalfEven } from './rounding';

/** Of predictions [n] and targets [n], finite, n > 0. */
export type Measure = (predictions: FloatArray, targets: FloatArray) => Outcome;

/** A share of the confusion of the classes that both sides are cut into. */
export function ofClasses(
  classOf: (value: number) => number,
  classes: number,
  share: (confusion: Confusion) => number,
): Measure {
  return (p, t) => share(confusionOf(p.map(classOf), t.map(classOf), classes));
}

/** The grade of [-limit, limit] nearest to a value, halves to even, from 0. */
export function gradeOf(limit: number): (value: number) => number {
  return (value) => roundHalfEven(Math.min(Math.max(value, -limit), limit)) + limit;
}

/** The measure where the target is not 0. */
export function onNonZero(measure: Measure): Measure {
  return (p, t) => {
    const [keptOfP, keptOfT] = [new Float64Array(t.length), new Float64Array(t.length)];
    let count = 0;
    for (let row = 0; row < t.length; row += 1) {
      if (t[row] === 0) continue;
      keptOfP[count] = p[row] as number;
      keptOfT[count] = t[row] as number;
      count += 1;
    }
    if (count === 0) return { undefined: 'every target is 0' };
    const outcome = measure(keptOfP.subarray(0, count), keptOfT.subarray(0, count));
    return qualified(outcome, 'where the target is not 0');
  };
}

/** The outcome, its reason made more precise where it has none. */
export function qualified(outcome: Outcome, where: string): Outcome {
  return typeof outcome === 'number' ? outcome : { undefined: `${outcome.undefined} ${where}` };
}

export function meanAbsoluteError(p: FloatArray, t: FloatArray): number {
  let sum = 0;
  for (let row = 0; row < t.length; row += 1)
    sum += Math.abs((p[row] as number) - (t[row] as number));
  return sum / t.length;
}

/** Pearson's, in float64. */
export function correlation(p: FloatArray, t: FloatArray): Outcome {
  // Compared exactly: a mean rounds, and the deviations of a constant from it need not be 0.
  if (p.every((value) => value === p[0])) return { undefined: 'all predictions are equal' };
  if (t.every((value) => value === t[0])) return { undefined: 'all targets are equal' };
  const deviationsOfP = scaledDeviations(p);
  const deviationsOfT = scaledDeviations(t);
  let product = 0;
  let squareOfP = 0;
  let squareOfT = 0;
  for (let row = 0; row < t.length; row += 1) {
    const a = deviationsOfP[row] as number;
    const b = deviationsOfT[row] as number;
    product += a * b;
    squareOfP += a * a;
    squareOfT += b * b;
  }
  const value = product / Math.sqrt(squareOfP * squareOfT);
  return Math.min(Math.max(value, -1), 1);
}

/** Deviations from the mean, the largest made 1 so that squares neither overflow nor vanish. */
function scaledDeviations(values: FloatArray): Float64Array {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  const deviations = new Float64Array(values.length);
  let largest = 0;
  for (let row = 0; row < values.length; row += 1) {
    const deviation = (values[row] as number) - mean;
    deviations[row] = deviation;
    largest = Math.max(largest, Math.abs(deviation));
  }
  for (let row = 0; row < values.length; row += 1)
    deviations[row] = (deviations[row] as number) / largest;
  return deviations;
}
