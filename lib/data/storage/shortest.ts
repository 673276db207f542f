/** Decimal digits that tell every float32 from its neighbours; fewer that never tell two apart, but for subnormal ones. */
const SURE_DIGITS = 9;
const FEWEST_DIGITS = 6;
const SMALLEST_NORMAL = 2 ** -126;

/** The shortest decimal that reads back as the same number: as the same float32 with `single`, else float64. */
export function shortest(value: number, single: boolean): string {
  if (Object.is(value, -0)) return '-0';
  if (!single || !Number.isFinite(value)) return String(value);
  // A decimal of fewer digits that reads back is found too: zeros behind it are not written.
  const fewest = Math.abs(value) < SMALLEST_NORMAL ? 1 : FEWEST_DIGITS;
  for (let digits = fewest; digits < SURE_DIGITS; digits += 1) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(SURE_DIGITS)));
}
