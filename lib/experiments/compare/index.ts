import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { CmirError, throwIfAborted } from '../../errors';
import type { Metrics } from '../../metrics';
import { writeAtomically } from '../../training/files';
import { findMethod, methodOptions, type Method } from '../methods';
import { mergeOptions } from '../options';
import { defaultParallel, inParallel } from '../pool';
import { provenanceOf } from '../provenance';
import { meanProbes } from '../probes';
import type { Comparison, EvaluationSet, ProbeRow } from '../results';
import { type MethodOutcomes } from '../rows';
import { chosenMetrics, tabulate } from '../robustness';
import { standardSets } from '../sets';
import { toLatex, toMarkdown } from '../tables/write';
import { baselinesOf } from './baselines';
import { costsOf } from './costs';
import { runOne, type Outcome, type ProbeShares } from './run';
import { tablesOf } from './tables';
import { readTuned } from './tuned';

/** What `compare` trains and tests. */
export interface CompareOptions {
  /** Names of methods; tests are against the first. Default fusion, augmentation, cmir, cmir-mixed. */
  readonly methods?: readonly string[];
  /** How many seeds, 1 to that number; default 5. */
  readonly seeds?: number;
  /** Test sets; default: clean, other splits, and a few of each kind of noise. */
  readonly sets?: readonly EvaluationSet[];
  /** Folder of searches, one a method, whose best settings are taken. */
  readonly tuned?: string;
  /** What all methods share. */
  readonly options?: Options;
  /** Trainings at once, each with one thread unless `options.threads` says otherwise; default one a core. */
  readonly parallel?: number;
  /** Also each modality alone, trained as fusion; default true. */
  readonly baselines?: boolean;
  /** Also probes of the codes; explained shares are computed on `shares`, by default test. */
  readonly probes?: ProbeShares;
  /** Folder for compare.json and a run folder each; a comparison that was stopped continues there. */
  readonly out?: string;
  /** Path of the data set, noted in the run folders; null: the built-in synthetic one. */
  readonly source?: string | null;
  /** The command line, for the results' provenance. */
  readonly command?: string;
  /** Stops within one step; the promise rejects with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal;
  /** After each training, in the order in which they end. */
  readonly onRun?: (run: { method: string; seed: number; valid: Metrics }) => void;
}

export const DEFAULT_METHODS = ['fusion', 'augmentation', 'cmir', 'cmir-mixed'];
const DEFAULT_SEEDS = 5;

/** Files of a comparison's folder, beside a folder of runs a method. */
export const COMPARISON_FILES = {
  result: 'compare.json',
  markdown: 'compare.md',
  latex: 'compare.tex',
  probes: 'probes.json',
} as const;

/**
 * Trains every method with every seed and evaluates each model on the same test sets under the same noise, so that
 * values pair by seed. Nothing is selected here but the epoch, on validation.
 * Throws ERR_CMIR_USAGE for an unknown method or set, and what train throws.
 */
export async function compare(dataset: Dataset, given: CompareOptions = {}): Promise<Comparison> {
  throwIfAborted(given.signal);
  const methods = (given.methods ?? DEFAULT_METHODS).map(findMethod);
  const seeds = Array.from({ length: given.seeds ?? DEFAULT_SEEDS }, (_, index) => index + 1);
  if (methods.length === 0 || seeds.length === 0) {
    throw new CmirError('ERR_CMIR_USAGE', 'compare: expected at least one method and one seed');
  }
  const parallel = given.parallel ?? defaultParallel();
  const sets = given.sets ?? standardSets(dataset);
  const names = methods.map(({ name }) => name);
  const options = await optionsByMethod(methods, given);
  if (given.out !== undefined) await mkdir(given.out, { recursive: true });
  const outcomes = await trainAll(dataset, names, seeds, sets, options, { ...given, parallel });
  const task = outcomes[0]?.shape.task ?? 'regression';
  const metrics = chosenMetrics(task, undefined);
  const comparison: Comparison = {
    kind: 'comparison',
    dataset: dataset.name,
    task,
    methods: names,
    seeds,
    sets,
    ...tabulate(outcomesByMethod(outcomes, names, seeds), sets, metrics),
    baselines: await baselinesOf(dataset, sets, metrics, {
      seeds,
      unimodal: given.baselines ?? true,
      options: options.get('fusion') ?? sharedOptions(given),
      parallel,
      signal: given.signal,
    }),
    configs: configsOf(outcomes),
    runs: runsOf(outcomes),
    costs: costsOf(outcomes),
    ...(given.probes === undefined ? {} : { probes: probesOf(outcomes, names) }),
    provenance: provenanceOf(dataset, given.command ?? null),
  };
  if (given.out !== undefined) await write(given.out, comparison);
  return comparison;
}

/** Trials of one comparison run side by side: each with one thread, unless the user says otherwise. */
function sharedOptions({ options }: CompareOptions): Options {
  return { threads: 1, ...options };
}

async function optionsByMethod(
  methods: readonly Method[],
  given: CompareOptions,
): Promise<Map<string, Options>> {
  const { tuned } = given;
  const entries = methods.map(async (method) => {
    const found = tuned === undefined ? {} : await readTuned(tuned, method.tunedAs);
    return [method.name, methodOptions(method, sharedOptions(given), found)] as const;
  });
  return new Map(await Promise.all(entries));
}

async function trainAll(
  dataset: Dataset,
  methods: readonly string[],
  seeds: readonly number[],
  sets: readonly EvaluationSet[],
  options: ReadonlyMap<string, Options>,
  { parallel, out, source, probes, signal, onRun }: CompareOptions & { parallel: number },
): Promise<Outcome[]> {
  // Seed by seed: a comparison that is stopped has something of every method.
  const jobs = seeds.flatMap((seed) => methods.map((method) => ({ method, seed })));
  const outcomes = await inParallel(
    jobs,
    parallel,
    async ({ method, seed }) => {
      const own = mergeOptions(options.get(method) ?? {}, { seed });
      const outcome = await runOne({
        method,
        seed,
        dataset,
        sets,
        options: own,
        out,
        source,
        probes,
        cost: true,
        signal,
      });
      onRun?.({ method, seed, valid: outcome.metrics.valid });
      return outcome;
    },
    signal,
  );
  return methods.flatMap((name) => outcomes.filter(({ method }) => method === name));
}

function outcomesByMethod(
  outcomes: readonly Outcome[],
  methods: readonly string[],
  seeds: readonly number[],
): MethodOutcomes[] {
  return methods.map((method) => ({
    method,
    seeds,
    outcomes: outcomes.filter((outcome) => outcome.method === method).map(({ sets }) => sets),
  }));
}

/** Means over the seeds of each method. */
function probesOf(outcomes: readonly Outcome[], methods: readonly string[]): ProbeRow[] {
  return methods.flatMap((name) =>
    meanProbes(outcomes.filter(({ method }) => method === name).map(({ probes }) => probes)),
  );
}

/** By method, the seed left out: it is that of no run in particular. */
function configsOf(outcomes: readonly Outcome[]): Comparison['configs'] {
  return Object.fromEntries(
    outcomes.map(({ method, config: { seed, ...config } }) => [method, config]),
  );
}

function runsOf(outcomes: readonly Outcome[]): Comparison['runs'] {
  const runs: Record<string, string[]> = {};
  for (const { method, folder } of outcomes) {
    const list = (runs[method] ??= []);
    if (folder !== undefined) list.push(folder);
  }
  return runs;
}

async function write(out: string, comparison: Comparison): Promise<void> {
  const tables = tablesOf(comparison);
  const files = {
    [COMPARISON_FILES.result]: JSON.stringify(comparison, null, 2),
    [COMPARISON_FILES.markdown]: tables.map(toMarkdown).join('\n\n'),
    [COMPARISON_FILES.latex]: tables.map(toLatex).join('\n\n'),
    ...(comparison.probes && {
      [COMPARISON_FILES.probes]: JSON.stringify(comparison.probes, null, 2),
    }),
  };
  for (const [name, text] of Object.entries(files)) {
    await writeAtomically(join(out, name), `${text}\n`);
  }
}
