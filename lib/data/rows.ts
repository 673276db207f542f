/** The rows of several sets as one, ascending. */
export function mergeRows(...sets: readonly Int32Array[]): Int32Array {
  const merged = new Int32Array(sets.reduce((sum, rows) => sum + rows.length, 0));
  let at = 0;
  for (const rows of sets) {
    merged.set(rows, at);
    at += rows.length;
  }
  return merged.sort();
}
