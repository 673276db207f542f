import { heading, pad, widthOf } from './colour';
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

/**
 * Lines of cells, the first a heading; the first column flush left, the others right. Where they are wider than
 * `columns`, further columns follow in tables below, each with the first column.
 */
export function alignedTable(
  table: readonly (readonly string[])[],
  // A terminal that does not know its width says 0.
  columns = (process.stdout.isTTY && process.stdout.columns) || Infinity,
): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((row) => widthOf(row[column] ?? ''))),
  );
  const linesOf = (block: readonly number[]): string[] =>
    table.map((row) =>
      block
        .map((column) =>
          pad(row[column] ?? '', widths[column] ?? 0, column === 0 ? 'right' : 'left'),
        )
        .join('  ')
        .trimEnd(),
    );
  const blocks = blocksOf(widths, columns).map(linesOf);
  return blocks.map(([head = '', ...lines]) => [heading(head), ...lines].join('\n')).join('\n\n');
}

/** Columns of a table, the first of them always, in as many groups as it takes for each to fit. */
function blocksOf([first = 0, ...others]: readonly number[], columns: number): number[][] {
  const blocks = [[0]];
  let used = first;
  others.forEach((width, index) => {
    if (used + 2 + width > columns && (blocks.at(-1)?.length ?? 0) > 1) {
      blocks.push([0]);
      used = first;
    }
    blocks.at(-1)?.push(index + 1);
    used += 2 + width;
  });
  return blocks;
}
