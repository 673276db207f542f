/** Values looked at together. */
const BLOCK = 1024;

/** Whether one of `values[begin, end)` is NaN or infinite: x * 0 is 0 for a finite x and NaN for all others. */
function isTainted(values: Float32Array, begin: number, end: number): boolean {
  // Four sums, because each addition waits for the one before it.
  let [a, b, c, d] = [0, 0, 0, 0];
  let i = begin;
  for (; i + 3 < end; i += 4) {
    a += (values[i] as number) * 0;
    b += (values[i + 1] as number) * 0;
    c += (values[i + 2] as number) * 0;
    d += (values[i + 3] as number) * 0;
  }
  for (; i < end; i += 1) a += (values[i] as number) * 0;
  return a + b + c + d !== 0;
}

/** Whether `values[begin, end)` are 0. */
export function areZero(values: Float32Array, begin: number, end: number): boolean {
  for (let start = begin; start < end; start += BLOCK) {
    const stop = Math.min(end, start + BLOCK);
    // Nothing cancels, and NaN is not 0 either.
    let [a, b, c, d] = [0, 0, 0, 0];
    let i = start;
    for (; i + 3 < stop; i += 4) {
      a += Math.abs(values[i] as number);
      b += Math.abs(values[i + 1] as number);
      c += Math.abs(values[i + 2] as number);
      d += Math.abs(values[i + 3] as number);
    }
    for (; i < stop; i += 1) a += Math.abs(values[i] as number);
    if (a + b + c + d !== 0) return false;
  }
  return true;
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
