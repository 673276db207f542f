import type { Dataset } from '../data/dataset';
import { expectedOneOf } from '../suggest';
import { CmirError } from '../errors';
import { metricNames, type Metrics } from '../metrics';
import type { Model } from '../training/model';
import type { AreaRow, EvaluationSet, ResultRow } from './results';
import { areaRows, resultRows, type MethodOutcomes } from './rows';
import { noiseOf } from './sets';
import { mean } from './statistics';

/** How a noise sweep is drawn. */
export interface RobustnessOptions {
  /** Key of the noise, the same for every model, so that methods can be compared in pairs. Default 0. */
  readonly seed?: number;
  /** Draws of the noise, with keys from `seed` on; a model's value is their mean. Default 1. */
  readonly draws?: number;
  /** Names of the metrics that are told. Default: all of the task. */
  readonly metrics?: readonly string[];
  /** Stops between test sets, with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
  /** After each test set of each model. */
  readonly onProgress?: (report: SweepProgress) => void;
}

/** How far a sweep is; all from 1. */
export interface SweepProgress {
  /** The model under way. */
  readonly model: number;
  /** How many models there are. */
  readonly models: number;
  /** The test set under way. */
  readonly set: number;
  /** How many test sets there are. */
  readonly sets: number;
}

/** What a noise sweep gives. */
export interface Robustness {
  /** One a method, test set and metric. */
  readonly rows: readonly ResultRow[];
  /** Areas under the noise curves. */
  readonly areas: readonly AreaRow[];
}

/**
 * The metrics of trained models on test sets made of one data set, by method: the models of a method differ in their
 * seed. Models and data are the caller's: nothing is disposed of.
 * Throws ERR_CMIR_DATA for a split that is not there or has no labels, ERR_CMIR_MISMATCH for data that do not fit,
 * ERR_CMIR_USAGE for unknown modalities or metrics, ERR_CMIR_ABORTED.
 */
export async function robustness(
  models: Readonly<Record<string, readonly Model[]>>,
  dataset: Dataset,
  sets: readonly EvaluationSet[],
  options: RobustnessOptions = {},
): Promise<Robustness> {
  const all = Object.values(models).flat();
  const methods: MethodOutcomes[] = [];
  for (const [method, members] of Object.entries(models)) {
    const outcomes: Record<string, Metrics>[] = [];
    for (const model of members) {
      const place = { model: all.indexOf(model) + 1, models: all.length };
      outcomes.push(await evaluateSets(model, dataset, sets, options, place));
    }
    methods.push({ method, seeds: members.map(({ config }) => config.seed), outcomes });
  }
  const task = all[0]?.shape.task ?? 'regression';
  return tabulate(methods, sets, chosenMetrics(task, options.metrics));
}

/** Rows and areas of outcomes. */
export function tabulate(
  methods: readonly MethodOutcomes[],
  sets: readonly EvaluationSet[],
  metrics: readonly string[],
): Robustness {
  const rows = resultRows(methods, sets, metrics);
  const names = methods.map(({ method }) => method);
  return { rows, areas: areaRows(rows, sets, names, metrics) };
}

/** The metrics asked for, or all of the task. Throws ERR_CMIR_USAGE for one that is none of the task. */
export function chosenMetrics(
  task: 'regression' | 'classification',
  metrics: readonly string[] | undefined,
): readonly string[] {
  const known = metricNames(task);
  const unknown = metrics?.find((name) => !known.includes(name));
  if (unknown === undefined) return metrics ?? known;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `metrics: found '${unknown}', ${expectedOneOf(unknown, known)} for ${task}`,
  );
}

/** The metrics of one model by test set; each the mean over the draws, null where one of them is undefined. */
export async function evaluateSets(
  model: Model,
  dataset: Dataset,
  sets: readonly EvaluationSet[],
  { seed = 0, draws = 1, signal, onProgress }: RobustnessOptions,
  place: Pick<SweepProgress, 'model' | 'models'> = { model: 1, models: 1 },
): Promise<Record<string, Metrics>> {
  checkDraws(draws);
  const bySet: Record<string, Metrics> = {};
  for (const [i, { name, split, noise }] of sets.entries()) {
    const reports: Metrics[] = [];
    for (let draw = 0; draw < (noise === null ? 1 : draws); draw += 1) {
      const options = {
        ...(signal === undefined ? {} : { signal }),
        ...(noise === null ? {} : { noise: noiseOf(noise, seed + draw) }),
      };
      reports.push((await model.evaluate(dataset.split(split), options)).metrics);
    }
    bySet[name] = meanMetrics(reports);
    onProgress?.({ ...place, set: i + 1, sets: sets.length });
  }
  return bySet;
}

function checkDraws(draws: number): void {
  if (Number.isSafeInteger(draws) && draws >= 1) return;
  throw new CmirError(
    'ERR_CMIR_USAGE',
    `draws: found ${String(draws)}, expected an integer of at least 1`,
  );
}

function meanMetrics(reports: readonly Metrics[]): Metrics {
  return Object.fromEntries(
    Object.keys(reports[0] ?? {}).map((name) => {
      const values = reports.map((report) => report[name] ?? null);
      return [name, values.includes(null) ? null : mean(values)];
    }),
  );
}
