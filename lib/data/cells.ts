const DECIMAL = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*$/;
const NON_FINITE = /^\s*([-+]?)(?:(nan|1\.#(?:ind|qnan|snan)\d*)|inf|infinity|1\.#inf\d*)\s*$/i;

/**
 * The number that a cell spells, or undefined if it spells none. Decimal notation only: empty cells, hexadecimal
 * and grouping separators are not numbers. NaN and infinity are read as NumPy, R, C, JavaScript and MSVC write them.
 */
export function parseNumber(cell: string): number | undefined {
  if (DECIMAL.test(cell)) return Number(cell);
  const match = NON_FINITE.exec(cell);
  if (match === null) return undefined;
  if (match[2] !== undefined) return NaN;
  return match[1] === '-' ? -Infinity : Infinity;
}

/** A cell as a message shows it: quoted, on one line, cut at 40 characters. */
export function quoteCell(cell: string): string {
  const line = cell.replace(/\s+/g, ' ');
  return `'${line.length > 40 ? `${line.slice(0, 39)}…` : line}'`;
}

/** Up to twelve names, as a message lists them. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 12).join(', ');
  return names.length > 12 ? `${shown} and ${String(names.length - 12)} more` : shown;
}
