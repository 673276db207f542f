import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

import type { Config } from '../config';
import type { Dataset } from '../data/dataset';
import { CmirError } from '../errors';
import type { Metrics } from '../metrics';
import { FILES, readModel } from '../training/checkpoint';
import { loadModel } from '../training/load';
import type { ModelShape } from '../training/shape';
import { openDataset, readSource } from '../training/source';
import { provenanceOf } from './provenance';
import type { EvaluationSet, Sweep } from './results';
import { chosenMetrics, evaluateSets, tabulate, type RobustnessOptions } from './robustness';
import type { MethodOutcomes } from './rows';
import { sweepSets, type SweepOptions } from './sets';

/** Finished runs of one configuration, which differ in their seed, in its order. */
export interface MethodRuns {
  readonly method: string;
  readonly folders: readonly string[];
}

interface FinishedRun {
  readonly folder: string;
  readonly config: Config;
  readonly shape: ModelShape;
}

/**
 * Which of a command's arguments are run folders, and which is the data set: the last one, unless it is the only one
 * or holds a run.
 */
export function splitArguments(paths: readonly string[]): {
  runs: readonly string[];
  dataset: string | undefined;
} {
  const last = paths.at(-1);
  const holdsRun =
    last !== undefined && [FILES.config, FILES.model].some((name) => existsSync(join(last, name)));
  if (holdsRun || paths.length < 2) return { runs: paths, dataset: undefined };
  return { runs: paths.slice(0, -1), dataset: last };
}

/** The noise sweep over run folders. */
export interface RunSweepOptions extends RobustnessOptions, SweepOptions {
  /** Path of the data set. Default: that which the runs were trained on; it must be the same for all. */
  readonly dataset?: string | undefined;
  /** Where the models run; default auto. */
  readonly device?: Config['device'];
  /** Noted in the result. */
  readonly command?: string | null;
}

/**
 * Run folders by method: those whose configurations differ at most in seed, device and threads are one. A method has
 * the name of its run's folder; of several runs, that of the folder they all lie in, if there is one. Where two
 * methods would share a name, they have the paths of their first runs.
 * Throws ERR_CMIR_CHECKPOINT for a folder without a finished run, ERR_CMIR_USAGE for a run that is named twice.
 */
export async function groupRuns(folders: readonly string[]): Promise<MethodRuns[]> {
  return namedGroups(await readRuns(folders)).map(({ method, runs }) => ({
    method,
    folders: runs.map(({ folder }) => folder),
  }));
}

/**
 * The sweep noise-v1 over finished runs: their metrics on noisy copies of the test split, and on splits such as
 * `shifted` where the data set has one. Models are read one after another.
 */
export async function robustnessOfRuns(
  folders: readonly string[],
  options: RunSweepOptions = {},
): Promise<Sweep> {
  const runs = await readRuns(folders);
  const [first] = runs;
  if (first === undefined) throw new CmirError('ERR_CMIR_USAGE', 'runs: found none, expected one');
  const dataset = await openData(runs, options.dataset);
  const { task, modalities } = first.shape;
  const metrics = chosenMetrics(task, options.metrics);
  const sets = sweepSets(
    modalities.map(({ name }) => name),
    modalities.some(({ sequence }) => sequence),
    { splits: otherSplits(dataset), ...options },
  );
  const methods: MethodOutcomes[] = [];
  let model = 0;
  for (const { method, runs: members } of namedGroups(runs)) {
    const outcomes: Record<string, Metrics>[] = [];
    for (const { folder } of members) {
      model += 1;
      const place = { model, models: runs.length };
      outcomes.push(await evaluateRun(folder, dataset, sets, options, place));
    }
    methods.push({ method, seeds: members.map(({ config }) => config.seed), outcomes });
  }
  return {
    kind: 'sweep',
    dataset: dataset.name,
    methods: methods.map(({ method }) => method),
    sets,
    ...tabulate(methods, sets, metrics),
    provenance: provenanceOf(dataset, options.command ?? null),
  };
}

async function evaluateRun(
  folder: string,
  dataset: Dataset,
  sets: readonly EvaluationSet[],
  options: RunSweepOptions,
  place: { model: number; models: number },
): Promise<Record<string, Metrics>> {
  const { device } = options;
  using model = await loadModel(folder, device === undefined ? {} : { device });
  return await evaluateSets(model, dataset, sets, options, place);
}

async function readRuns(folders: readonly string[]): Promise<FinishedRun[]> {
  const twice = folders.find(
    (folder, i) => folders.findIndex((other) => resolve(other) === resolve(folder)) !== i,
  );
  if (twice !== undefined)
    throw new CmirError('ERR_CMIR_USAGE', `${twice}: this run is named twice`);
  const runs: FinishedRun[] = [];
  for (const folder of folders) {
    const { config, shape } = await readModel(folder);
    runs.push({ folder, config, shape });
  }
  return runs;
}

/** The data set at the path, or the one that all runs were trained on. */
async function openData(runs: readonly FinishedRun[], path: string | undefined): Promise<Dataset> {
  const sources = await Promise.all(runs.map(async ({ folder }) => path ?? readSource(folder)));
  const other = sources.findIndex((source) => source !== sources[0]);
  const { config, shape } = runs[0] as FinishedRun;
  if (other > 0) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${(runs[other] as FinishedRun).folder}: it was trained on ${sources[other] ?? 'synthetic data'}, ` +
        `the first run on ${sources[0] ?? 'synthetic data'}; name the data set to evaluate on`,
    );
  }
  const classes = shape.classes ?? undefined;
  const { data, task } = config;
  return openDataset(sources[0], { ...data, task, classes, requireTrain: false });
}

/** Splits beside those that every data set has. */
function otherSplits({ splits }: Dataset): string[] {
  return [...splits.keys()].filter(
    (name) => !['train', 'valid', 'test'].includes(name) && splits.get(name)?.length !== 0,
  );
}

function namedGroups(runs: readonly FinishedRun[]): { method: string; runs: FinishedRun[] }[] {
  const groups = new Map<string, FinishedRun[]>();
  for (const run of runs) {
    const { seed: _seed, device: _device, threads: _threads, ...config } = run.config;
    const key = JSON.stringify([config, run.shape]);
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const all = [...groups.values()];
  for (const group of all) group.sort((a, b) => a.config.seed - b.config.seed);
  const names = all.map(nameOf);
  return all.map((group, i) => ({
    method:
      names.filter((name) => name === names[i]).length > 1
        ? (group[0] as FinishedRun).folder
        : (names[i] as string),
    runs: group,
  }));
}

function nameOf(group: readonly FinishedRun[]): string {
  const parents = new Set(group.map(({ folder }) => dirname(resolve(folder))));
  const [parent = ''] = parents;
  if (group.length > 1 && parents.size === 1) return basename(parent);
  return basename(resolve((group[0] as FinishedRun).folder));
}
