/** Values looked at together. */
const BLOCK = 1024;

/** Whether one of `values[begin, end)` is NaN or infinite: x * 0 is 0 for a finite x and NaN for all others. */
function isTainted(values: Float32Array, begin: number, end: number): boolean {
  let sum = 0;
  for (let i = begin; i < end; i += 1) sum += (values[i] as number) * 0;
  return sum !== 0;
}

/** Index of the first value that is NaN, infinite or, with `nanIsMissing`, infinite only; -1 where there is none. */
export function firstNonFinite(values: Float32Array, nanIsMissing = false): number {
  for (let begin = 0; begin < values.length; begin += BLOCK) {
    const end = Math.min(values.length, begin + BLOCK);
    if (!isTainted(values, begin, end)) continue;
    for (let i = begin; i < end; i += 1) {
      const value = values[i] as number;
      if (!Number.isFinite(value) && !(nanIsMissing && Number.isNaN(value))) return i;
    }
  }
  return -1;
}

/** Sets infinite values to 0; NaN stays. Returns how many there were. */
export function zeroInfinite(values: Float32Array): number {
  let count = 0;
  for (let begin = 0; begin < values.length; begin += BLOCK) {
    const end = Math.min(values.length, begin + BLOCK);
    if (!isTainted(values, begin, end)) continue;
    for (let i = begin; i < end; i += 1) {
      if (Math.abs(values[i] as number) !== Infinity) continue;
      values[i] = 0;
      count += 1;
    }
  }
  return count;
}
