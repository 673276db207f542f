import { basename, dirname, resolve } from 'node:path';

import type { BaselineRow, EvaluationSet, ResultRow } from '../../experiments/results';
import type { Metrics } from '../../metrics';
import type { MethodRun } from '../chapter';
import type { ResultFields } from '../results';
import { summary } from '../../experiments/rows';
import type { RunFolder } from './read';

/** Splits whose metrics a run folder holds and that tables show; the others were used to choose the epoch. */
const SPLITS: readonly EvaluationSet[] = [
  { name: 'clean', split: 'test', noise: null },
  { name: 'shifted', split: 'shifted', noise: null },
];

/**
 * Names the method of each run: runs whose configurations differ at most in seed, device and threads are of one. It
 * has the name of its run's folder; of several runs, that of the folder they lie in, if it is one.
 */
export function nameMethods(runs: readonly RunFolder[]): MethodRun[] {
  const groups = new Map<string, RunFolder[]>();
  for (const run of runs) {
    const { seed: _seed, device: _device, threads: _threads, ...config } = run.config;
    const key = JSON.stringify(config);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const all = [...groups.values()];
  const names = all.map(nameOf);
  return all.flatMap((group, i) => {
    const name = names[i] as string;
    const isUnique = names.filter((other) => other === name).length === 1;
    const method = isUnique ? name : (group[0] as RunFolder).folder;
    return group.map((run) => ({ ...run, method }));
  });
}

function nameOf(group: readonly RunFolder[]): string {
  const parents = new Set(group.map(({ folder }) => dirname(resolve(folder))));
  const [parent = ''] = parents;
  if (group.length > 1 && parents.size === 1) return basename(parent);
  return basename(resolve((group[0] as RunFolder).folder));
}

/** The metrics in run folders as a table of results: no test is made of them. */
export function tabulateRuns(dataset: string, runs: readonly MethodRun[]): ResultFields {
  const methods = [...new Set(runs.map(({ method }) => method))];
  const sets = SPLITS.filter(({ split }) => runs.some(({ metrics }) => split in metrics));
  const rows: ResultRow[] = [];
  const baselines: BaselineRow[] = [];
  for (const set of sets) {
    for (const method of methods) {
      const members = runs.filter((run) => run.method === method);
      const reports = members.map(({ metrics }) => metrics[set.split as 'test'] ?? {});
      for (const { metric, ...spread } of spreads(reports)) {
        rows.push({ method, set: set.name, metric, ...spread, p: null });
      }
    }
    const constant = runs[0]?.metrics.baseline[set.split] ?? {};
    for (const { metric, ...spread } of spreads([constant])) {
      baselines.push({ baseline: 'majority', set: set.name, metric, ...spread });
    }
  }
  const counts = new Set(
    methods.map((name) => runs.filter(({ method }) => method === name).length),
  );
  const [count = null] = counts;
  return {
    dataset,
    methods,
    seeds: counts.size === 1 ? count : null,
    sets,
    rows,
    baselines,
    areas: [],
  };
}

/** Every metric of the reports with its values, one a run. */
function spreads(
  reports: readonly Metrics[],
): (ReturnType<typeof summary> & { metric: string; values: (number | null)[] })[] {
  const names = [...new Set(reports.flatMap((report) => Object.keys(report)))];
  return names.map((metric) => {
    const values = reports.map((report) => report[metric] ?? null);
    return { metric, ...summary(values), values };
  });
}
