export interface Spread {
  /** Null where no value is defined. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1); null for less than two values. */
  readonly std: number | null;
}

/** Mean and standard deviation of the values that are defined. */
export function spreadOf(values: readonly (number | null)[]): Spread {
  const defined = values.filter((value) => value !== null);
  const n = defined.length;
  if (n === 0) return { mean: null, std: null };
  const mean = defined.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, std: null };
  const squares = defined.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (n - 1)) };
}
