/** temp */
export function shortest(value: number, float32: boolean): string {
  if (!float32) return String(value);
  for (let digits = 6; digits < 9; digits += 1) {
    const t = Number(value.toPrecision(digits));
    if (Math.fround(t) === value) return String(t);
  }
  return String(Number(value.toPrecision(9)));
}
