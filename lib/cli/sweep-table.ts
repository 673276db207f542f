import { CmirError } from '../errors';
import type { Sweep } from '../experiments/results';
import { curvesOf, type NoiseCurve } from '../experiments/rows';
import { expectedOneOf } from '../suggest';
import { alignedTable, shown } from './table';

/** The metric that tables show: the one asked for, else MAE or Acc. Throws ERR_CMIR_USAGE for one that there is not. */
export function mainMetric({ rows }: Sweep, asked: string | undefined): string {
  const known = [...new Set(rows.map(({ metric }) => metric))];
  const metric = asked ?? known.find((name) => ['MAE', 'Acc'].includes(name)) ?? known[0] ?? '';
  if (asked === undefined || known.includes(metric)) return metric;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `--metric: found '${metric}', ${expectedOneOf(metric, known)}`,
  );
}

/** One metric of a sweep: a table a kind and its modalities, methods by levels, then missing modalities and splits. */
export function sweepTables(sweep: Sweep, metric: string): string {
  const curves = curvesOf(sweep.sets, Infinity).filter(({ points }) => points.length > 2);
  const drawn = new Set(curves.flatMap(({ points }) => points.map(({ set }) => set)));
  const others = sweep.sets.filter(
    ({ name, noise }) => !drawn.has(name) || (noise?.kind === 'modality' && noise.level === 1),
  );
  const named = others.map(({ name }) => ({ head: name, set: name }));
  const tables = curves.map((curve) => curveTable(sweep, metric, curve));
  if (named.length > 0)
    tables.push(`${metric}, other test sets\n${alignedTable(cells(sweep, metric, named))}`);
  return tables.join('\n\n');
}

function curveTable(
  sweep: Sweep,
  metric: string,
  { kind, modalities, points }: NoiseCurve,
): string {
  const columns = points.map(({ level, set }) => ({ head: String(level), set }));
  const areas = sweep.areas.filter(
    (row) => row.kind === kind && row.modalities === modalities && row.metric === metric,
  );
  const [head = [], ...lines] = cells(sweep, metric, columns);
  const to = areas[0]?.to;
  const table = [
    to === undefined ? head : [...head, `area to ${String(to)}`],
    ...lines.map((line, i) => (to === undefined ? line : [...line, shown(areas[i]?.area)])),
  ];
  return `${metric}, ${kind} on ${modalities}\n${alignedTable(table)}`;
}

/** A line of names, then one a method. */
function cells(
  { methods, rows }: Sweep,
  metric: string,
  columns: readonly { head: string; set: string }[],
): string[][] {
  const valueOf = (method: string, set: string): string =>
    shown(
      rows.find((row) => row.method === method && row.set === set && row.metric === metric)?.mean,
    );
  return [
    ['', ...columns.map(({ head }) => head)],
    ...methods.map((method) => [method, ...columns.map(({ set }) => valueOf(method, set))]),
  ];
}
