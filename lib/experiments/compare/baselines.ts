import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { baselineMetrics, type Metrics } from '../../metrics';
import { targetsOf } from '../../training/evaluation';
import { findMethod, methodOptions } from '../methods';
import { mergeOptions } from '../options';
import { inParallel } from '../pool';
import { summary } from '../rows';
import type { BaselineRow, EvaluationSet } from '../results';
import { runOne } from './run';

interface BaselineOptions {
  readonly seeds: readonly number[];
  /** Also each modality alone. */
  readonly unimodal: boolean;
  readonly options: Options;
  readonly parallel: number;
  readonly signal: AbortSignal | undefined;
}

/** What a constant reaches, and each modality alone, trained as fusion, on the test sets without noise. */
export async function baselinesOf(
  dataset: Dataset,
  sets: readonly EvaluationSet[],
  metrics: readonly string[],
  options: BaselineOptions,
): Promise<BaselineRow[]> {
  const clean = sets.filter(({ noise }) => noise === null);
  const constant = Object.fromEntries(
    clean.map(({ name, split }) => [name, constantOn(dataset, split)]),
  );
  const rows = rowsOf('majority', clean, metrics, [constant]);
  if (!options.unimodal || dataset.modalities.length < 2) return rows;
  for (const { name } of dataset.modalities) {
    rows.push(...rowsOf(name, clean, metrics, await alone(dataset, name, clean, options)));
  }
  return rows;
}

function constantOn(dataset: Dataset, split: string): Metrics {
  const task = dataset.label?.task ?? 'regression';
  return baselineMetrics(task, targetsOf(dataset.train), targetsOf(dataset.split(split))).metrics;
}

/** Metrics by test set, of each seed. */
async function alone(
  dataset: Dataset,
  modality: string,
  sets: readonly EvaluationSet[],
  { seeds, options, parallel, signal }: BaselineOptions,
): Promise<Record<string, Metrics>[]> {
  const part = dataset.with({
    modalities: dataset.modalities.filter(({ name }) => name === modality),
  });
  const fusion = methodOptions(findMethod('fusion'), options);
  return inParallel(
    seeds,
    parallel,
    async (seed) => {
      const outcome = await runOne({
        method: `${modality} alone`,
        seed,
        dataset: part,
        sets,
        options: mergeOptions(fusion, { seed }),
        out: undefined,
        signal,
      });
      return outcome.sets;
    },
    signal,
  );
}

function rowsOf(
  baseline: string,
  sets: readonly EvaluationSet[],
  metrics: readonly string[],
  runs: readonly Readonly<Record<string, Metrics>>[],
): BaselineRow[] {
  return metrics.flatMap((metric) =>
    sets.map(({ name: set }) => {
      const values = runs.map((run) => run[set]?.[metric] ?? null);
      return { baseline, set, metric, ...summary(values), values };
    }),
  );
}
