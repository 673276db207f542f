import type { Metrics } from '../metrics';

const DIGITS = 4;

/** A value for people. */
export function shown(value: number | null | undefined): string {
  return value?.toFixed(DIGITS) ?? 'n/a';
}

/** Metrics by set as lines of columns: a row a set, a column a metric. */
export function metricTable(sets: Readonly<Record<string, Metrics>>): string {
  const names = Object.keys(Object.values(sets)[0] ?? {});
  const rows = Object.entries(sets).map(([set, metrics]) => [
    set,
    ...names.map((name) => shown(metrics[name])),
  ]);
  return alignedTable([['', ...names], ...rows]);
}

/** Lines of cells, the first column flush left, the others right. */
export function alignedTable(table: readonly (readonly string[])[]): string {
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((row) => (row[column] ?? '').length)),
  );
  return table
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths?.[0] ?? 0) : cell.padStart(widths?.[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
