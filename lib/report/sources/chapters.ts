import { resolve } from 'node:path';

import type { Config } from '../../config';
import type { Provenance } from '../../experiments/results';
import { CmirError } from '../../errors';
import { readSource } from '../../training/source';
import type { Chapter, MethodRun } from '../chapter';
import { viewModels } from '../models';
import { Results, resultsOf } from '../results';
import { nameMethods, tabulateRuns } from './group';
import { readResults, readRun, type RunFolder } from './read';
import { RESULT_FILES, type ResultFiles } from './schemas';

export interface SourceOptions {
  /** The metric that charts are about. */
  readonly metric?: string | undefined;
  /** At most so many methods whose models are looked into. */
  readonly models: number;
  readonly device?: Config['device'];
  readonly signal?: AbortSignal;
  /** Before the first model is read. */
  readonly beforeModels?: () => Promise<void>;
}

/** What the folders hold, one chapter a result folder, and one for the run folders of each data set. */
export async function readChapters(
  sources: readonly string[],
  options: SourceOptions,
): Promise<Chapter[]> {
  const chapters: Chapter[] = [];
  const runs: RunFolder[] = [];
  for (const source of sources) {
    const run = await readRun(source);
    if (run !== undefined) runs.push(run);
    const files = await readResults(source);
    if (Object.keys(files).length > 0) chapters.push(await chapterOf(source, files, options));
    else if (run === undefined) throw nothingIn(source);
  }
  const byData = new Map<string, RunFolder[]>();
  for (const run of runs) {
    const dataset = (await readSource(run.folder)) ?? 'synthetic';
    byData.set(dataset, [...(byData.get(dataset) ?? []), run]);
  }
  for (const [dataset, members] of byData) {
    chapters.push(await chapterOfRuns(dataset, members, options));
  }
  return chapters;
}

function nothingIn(source: string): CmirError {
  const names = Object.values(RESULT_FILES).map(({ file }) => file);
  return new CmirError(
    'ERR_CMIR_USAGE',
    `${source}: found neither a finished run (config.json and metrics.json) nor a result ` +
      `(${names.join(', ')}); expected the folder that cmir train, compare, robustness or search wrote`,
  );
}

async function chapterOf(
  folder: string,
  files: ResultFiles,
  options: SourceOptions,
): Promise<Chapter> {
  const { comparison, sweep, search, probes, sensitivity } = files;
  const results = [comparison, sweep]
    .filter((result) => result !== undefined)
    .map((result) => resultsOf(result, options.metric));
  const { runs, missing } = await runsBeside(folder, comparison?.runs ?? {});
  const { models, notes } = await view(runs, options);
  const left = missing.map((run) => `The run folder ${run} is missing or not finished.`);
  const methods = [
    ...results.flatMap((result) => result.methods),
    ...(search === undefined ? [] : [search.method]),
    ...(probes ?? []).map(({ method }) => method),
  ];
  const provenances = Object.entries({ comparison, sweep, search }).flatMap(([of, result]) =>
    result === undefined ? [] : [{ of, provenance: result.provenance satisfies Provenance }],
  );
  return {
    dataset: comparison?.dataset ?? sweep?.dataset ?? search?.dataset ?? folder,
    methods: [...new Set(methods)],
    results,
    runs,
    models,
    ...(search === undefined ? {} : { search }),
    ...(probes === undefined ? {} : { probes }),
    ...(sensitivity === undefined ? {} : { sensitivity }),
    costs: comparison?.costs ?? {},
    configs: comparison?.configs ?? {},
    provenances,
    notes: [...left, ...notes],
  };
}

/** The runs of a comparison, whose folders are told relative to its own. */
async function runsBeside(
  folder: string,
  byMethod: Readonly<Record<string, readonly string[]>>,
): Promise<{ runs: MethodRun[]; missing: string[] }> {
  const runs: MethodRun[] = [];
  const missing: string[] = [];
  for (const [method, folders] of Object.entries(byMethod)) {
    for (const path of folders.map((name) => resolve(folder, name))) {
      const run = await readRun(path);
      if (run === undefined) missing.push(path);
      else runs.push({ ...run, method });
    }
  }
  return { runs, missing };
}

async function chapterOfRuns(
  dataset: string,
  folders: readonly RunFolder[],
  options: SourceOptions,
): Promise<Chapter> {
  const runs = nameMethods(folders);
  const results = new Results(tabulateRuns(dataset, runs), options.metric);
  const configs = results.methods.map(
    (name) => [name, runs.find(({ method }) => method === name)?.config] as const,
  );
  return {
    dataset,
    methods: results.methods,
    results: [results],
    runs,
    ...(await view(runs, options)),
    costs: {},
    configs: Object.fromEntries(configs),
    provenances: [],
  };
}

async function view(
  runs: readonly MethodRun[],
  options: SourceOptions,
): Promise<Pick<Chapter, 'models' | 'notes'>> {
  if (runs.length === 0 || options.models === 0) return { models: [], notes: [] };
  await options.beforeModels?.();
  return viewModels(runs, options.models, options);
}
