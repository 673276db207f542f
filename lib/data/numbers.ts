/** The numbers that all cells spell, if each is how JavaScript writes its number; then nothing is lost. */
export function numbersOf(cells: readonly string[]): Float64Array | null {
  const numbers = new Float64Array(cells.length);
  for (const [row, cell] of cells.entries()) {
    const number = Number(cell);
    if (String(number) !== cell || !Number.isFinite(number)) return null;
    numbers[row] = number;
  }
  return cells.length === 0 ? null : numbers;
}
