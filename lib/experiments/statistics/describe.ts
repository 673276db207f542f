/** Values one a seed or run; null where the metric is undefined. */
export type Values = ArrayLike<number | null>;

/** Mean over the values that are not null. Null without any, and where it is NaN or infinite. */
export function mean(values: Values): number | null {
  const defined = definedValues(values);
  return finiteOrNull(average(defined));
}

/** Sample standard deviation (n - 1) of the values that are not null. Null for less than two, or a NaN among them. */
export function standardDeviation(values: Values): number | null {
  const defined = definedValues(values);
  return defined.length < 2 ? null : finiteOrNull(Math.sqrt(variance(defined)));
}

function definedValues(values: Values): number[] {
  return Array.from(values).filter((value) => value !== null);
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

/** Mean of at least one value; NaN of none. A second pass takes away what the first rounded. */
export function average(values: readonly number[]): number {
  const n = values.length;
  const rough = values.reduce((sum, value) => sum + value, 0) / n;
  return rough + values.reduce((sum, value) => sum + (value - rough), 0) / n;
}

/** Sum of squared deviations from the mean over n - 1, of at least two values. */
export function variance(values: readonly number[]): number {
  const centre = average(values);
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1);
}

/** The largest absolute value; 0 of none. */
export function largestSize(values: ArrayLike<number>): number {
  return Array.from(values).reduce((size, value) => Math.max(size, Math.abs(value)), 0);
}
