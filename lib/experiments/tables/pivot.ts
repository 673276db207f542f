import { METRICS } from '../../metrics';
import type { BaselineRow, Comparison, ResultRow } from '../results';

/** One cell of a comparison's table. */
export interface Cell {
  readonly mean: number | null;
  readonly std: number | null;
  /** After Holm's correction; null for the first method and for baselines. */
  readonly p: number | null;
  /** Of the methods in its column, the best mean. */
  readonly best: boolean;
}

/** A table of one metric: a row a method, a column a test set. */
export interface Pivot {
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  readonly sets: readonly string[];
  readonly rows: readonly { readonly name: string; readonly cells: readonly Cell[] }[];
}

const EMPTY: Cell = { mean: null, std: null, p: null, best: false };

/** The table of a metric over some test sets, baselines last. */
export function pivot(
  { methods, rows, baselines }: Pick<Comparison, 'methods' | 'rows' | 'baselines'>,
  metric: string,
  sets: readonly string[],
): Pivot {
  const better = METRICS.find(({ name }) => name === metric)?.better ?? 'higher';
  const find = (method: string, set: string): ResultRow | undefined =>
    rows.find((row) => row.method === method && row.set === set && row.metric === metric);
  const bestOf = sets.map((set) => {
    const means = methods.flatMap((method) => find(method, set)?.mean ?? []);
    return better === 'higher' ? Math.max(...means) : Math.min(...means);
  });
  const ofMethods = methods.map((name) => ({
    name,
    cells: sets.map((set, column) => {
      const row = find(name, set);
      if (row === undefined) return EMPTY;
      const { mean, std, p_holm: p = null } = row;
      return { mean, std, p, best: mean !== null && mean === bestOf[column] };
    }),
  }));
  return { metric, better, sets, rows: [...ofMethods, ...ofBaselines(baselines, metric, sets)] };
}

function ofBaselines(
  baselines: readonly BaselineRow[],
  metric: string,
  sets: readonly string[],
): Pivot['rows'] {
  const names = [...new Set(baselines.map(({ baseline }) => baseline))];
  return names.map((name) => ({
    name: name === 'majority' ? name : `${name} alone`,
    cells: sets.map((set) => {
      const row = baselines.find(
        (other) => other.baseline === name && other.set === set && other.metric === metric,
      );
      return row === undefined ? EMPTY : { ...EMPTY, mean: row.mean, std: row.std };
    }),
  }));
}
