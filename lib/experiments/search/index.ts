import { join } from 'node:path';

import { resolveConfig, type Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { throwIfAborted } from '../../errors';
import { metricDirection } from '../../metrics';
import { loadAddon } from '../../native/load';
import { writeAtomically } from '../../training/files';
import { decide, shapeOf } from '../../training/shape';
import { findMethod, methodOptions } from '../methods';
import { defaultParallel, inParallel } from '../pool';
import { provenanceOf } from '../provenance';
import type { SearchResult, Trial } from '../results';
import type { Space } from '../space';
import { chooseBest } from './finalists';
import { Halving } from './halving';
import { openLog, Plan, selectionData, type OpenLog } from './plan';
import { runTrial } from './trial';
import { FILES } from './trials';

/** What `search` draws and trains. */
export interface SearchOptions {
  /** Name of a method; default cmir. */
  readonly method?: string;
  /** Number of random draws; default 50. */
  readonly trials?: number;
  /** How many of the best trials are trained again, and with how many fresh seeds each; the best mean wins. */
  readonly finalists?: number;
  /** Fresh seeds of each finalist. Default 5. */
  readonly seeds?: number;
  /** Trainings at once, each with one thread unless `options.threads` says otherwise; default one a core. */
  readonly parallel?: number;
  /** In place of the method's own space. */
  readonly space?: Space;
  /** Key of the draws; default 1. */
  readonly seed?: number;
  /** Stop the worse two thirds of the trials after a ninth, and again after a third of the epochs. */
  readonly halving?: boolean;
  /** What all trials share. */
  readonly options?: Options;
  /** Folder to write; without it nothing is written. It must be new, or with `resume` hold the same search. */
  readonly out?: string;
  /** Continue the search in `out`: finished trials are taken from trials.jsonl. */
  readonly resume?: boolean;
  /** The command line, for the results' provenance. */
  readonly command?: string;
  /** Stops within one step; finished trials stay in `out`. */
  readonly signal?: AbortSignal;
  /** After each trial, in the order in which they end. */
  readonly onTrial?: (trial: Trial) => void;
}

/** Trials train with seeds from here on, far from those that comparisons use. */
const FIRST_SEED = 1_000_000;
const DEFAULTS = { trials: 50, finalists: 3, seeds: 5 };

/**
 * Random search over a space. It sees the splits train and valid only: the data set it works on has no other.
 * Equal inputs give equal results, whatever `parallel` is.
 * Throws ERR_CMIR_CONFIG for a space or options that no training takes, ERR_CMIR_DIVERGED where no trial has a score.
 */
export async function search(dataset: Dataset, given: SearchOptions = {}): Promise<SearchResult> {
  const start = performance.now();
  throwIfAborted(given.signal);
  const method = findMethod(given.method ?? 'cmir');
  const space = given.space ?? method.space;
  const options = { threads: 1, ...given.options };
  const data = selectionData(dataset);
  const { training } = decide(
    resolveConfig(methodOptions(method, options)),
    shapeOf(data),
    loadAddon().describe().cudaDevices,
  );
  const { metric } = training;
  const direction = metricDirection(metric);
  const plan = new Plan(data, method, space, options, given.seed ?? 1);
  const opened =
    given.out === undefined ? undefined : await openLog(given.out, given.resume ?? false, plan);
  const trials = await runTrials(plan, { ...training, direction }, given, opened);
  const { best, seeds } = await chooseBest(plan, trials, direction, {
    finalists: Math.max(1, given.finalists ?? DEFAULTS.finalists),
    seeds: given.seeds ?? DEFAULTS.seeds,
    parallel: given.parallel ?? defaultParallel(),
    signal: given.signal,
  });
  const result: SearchResult = {
    kind: 'search',
    dataset: dataset.name,
    method: method.name,
    metric,
    direction,
    trials,
    best: best.trial,
    options: plan.tuned(best.trial),
    seeds,
    seconds: (performance.now() - start) / 1000,
    provenance: provenanceOf(data, given.command ?? null),
  };
  if (given.out !== undefined) {
    await writeAtomically(join(given.out, FILES.result), json(result));
    await writeAtomically(join(given.out, FILES.best), json(result.options));
  }
  return result;
}

async function runTrials(
  plan: Plan,
  goal: { epochs: number; metric: string; direction: 'higher' | 'lower' },
  given: SearchOptions,
  opened: OpenLog | undefined,
): Promise<Trial[]> {
  const { trials: count = DEFAULTS.trials, parallel = defaultParallel(), signal, onTrial } = given;
  const all = Array.from({ length: count }, (_, trial) => trial);
  const done = new Map((opened?.done ?? []).map((trial) => [trial.trial, trial]));
  const halving =
    given.halving === true ? new Halving(all, goal.epochs, goal.direction) : undefined;
  for (const trial of done.values()) replay(trial, halving);
  const missing = all.filter((trial) => !done.has(trial));
  const run = await inParallel(
    missing,
    parallel,
    async (trial, slot) => {
      const result = await runTrial(
        { trial, values: plan.values(trial), options: plan.optionsOf(trial, FIRST_SEED + trial) },
        plan.data,
        { metric: goal.metric, halving, slot, signal },
      );
      await opened?.log.add(result);
      onTrial?.(result);
      return result;
    },
    signal,
  );
  return [...done.values(), ...run]
    .filter(({ trial }) => trial < count)
    .sort((a, b) => a.trial - b.trial);
}

/** Lets the standings of a trial that ended before count again. */
function replay({ trial, rungs = [] }: Trial, halving: Halving | undefined): void {
  for (const { epoch, score } of rungs) void halving?.reach(trial, epoch, score);
  halving?.end(trial);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
