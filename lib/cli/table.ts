import { roundMetric, type Metrics } from '../metrics';

const DIGITS = 4;

/** Rounded as MMSA rounds; n/a where it is undefined, nothing where there is no such metric. */
export function shown(value: number | null | undefined): string {
  if (value === undefined) return '';
  return value === null ? 'n/a' : roundMetric(value, DIGITS).toFixed(DIGITS);
}

/** Metrics by set as lines of columns: a row a set, a column a metric, empty for a set that has not that metric. */
export function metricTable(sets: Readonly<Record<string, Metrics>>): string {
  const names = [...new Set(Object.values(sets).flatMap((metrics) => Object.keys(metrics)))];
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
