/** The nearest integer, halves to the even one: 0.5 to 0, 1.5 to 2, -2.5 to -2 (Math.round rounds halves up). */
export function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below % 2 === 0 ? below : below + 1;
  return rest < 0.5 ? below : below + 1;
}

/**
 * `value` to so many decimals as numpy.round, and so MMSA, rounds it: scaled, to the nearest integer, halves to even,
 * and scaled back. Values too large to be scaled have no decimals and stay what they are.
 */
export function roundMetric(value: number, decimals = 4): number {
  const scale = 10 ** decimals;
  const scaled = value * scale;
  return Number.isFinite(scaled) ? roundHalfEven(scaled) / scale : value;
}
