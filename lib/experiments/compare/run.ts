import { join } from 'node:path';

import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { CmirError } from '../../errors';
import type { Metrics } from '../../metrics';
import type { RunMetrics } from '../../training/evaluation';
import { saveSource } from '../../training/source';
import { train, type Run } from '../../training/train';
import { isInUse } from '../../training/checkpoint';
import { countCost, meanFrames, measureLatency } from '../cost';
import { probeModel, type ProbeOptions } from '../probes';
import type { Cost, EvaluationSet, ProbeRow } from '../results';
import { evaluateSets } from '../robustness';

interface Request {
  readonly method: string;
  readonly seed: number;
  readonly dataset: Dataset;
  readonly sets: readonly EvaluationSet[];
  readonly options: Options;
  readonly out: string | undefined;
  readonly source?: string | null | undefined;
  /** Whether to measure what the model costs. */
  readonly cost?: boolean;
  /** Whether to look into the codes, and the examples that explained shares are computed on. */
  readonly probes?: ProbeShares | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What probes of a comparison need. */
export type ProbeShares = Pick<ProbeOptions, 'shares'>;

/** One method with one seed: what was trained and what it is worth on each test set. */
export interface Outcome {
  readonly method: string;
  readonly seed: number;
  readonly config: Run['config'];
  readonly shape: Run['model']['shape'];
  readonly metrics: RunMetrics;
  /** Metrics by name of the test set. */
  readonly sets: Readonly<Record<string, Metrics>>;
  /** Null where it was not asked for. */
  readonly cost: Cost | null;
  /** Empty where they were not asked for. */
  readonly probes: readonly ProbeRow[];
  /** Run folder, relative to the comparison's; where one is kept. */
  readonly folder: string | undefined;
}

/** Trains, or where the folder holds that very run continues, and evaluates. */
export async function runOne(request: Request): Promise<Outcome> {
  const { method, seed, dataset, sets, options, out, source, signal } = request;
  const folder = out === undefined ? undefined : join(method, `seed-${String(seed)}`);
  const path = out === undefined || folder === undefined ? undefined : join(out, folder);
  const run = await train(dataset, options, {
    ...(signal === undefined ? {} : { signal }),
    ...(path === undefined ? {} : { out: path, resume: await isInUse(path) }),
    onStart: async () => {
      if (path !== undefined && source !== undefined) await saveSource(path, source ?? undefined);
    },
  }).catch((cause: unknown) => {
    if (!(cause instanceof CmirError) || cause.code === 'ERR_CMIR_ABORTED') throw cause;
    const where = `${method}, seed ${String(seed)}: `;
    throw new CmirError(cause.code, where + cause.message, { cause });
  });
  using model = run.model;
  return {
    method,
    seed,
    config: run.config,
    shape: model.shape,
    metrics: run.metrics,
    sets: await evaluateSets(model, dataset, sets, signal === undefined ? {} : { signal }),
    cost: request.cost === true ? await costOf(run, dataset) : null,
    probes:
      request.probes === undefined
        ? []
        : await probeModel(model, dataset, {
            ...request.probes,
            method,
            ...(signal && { signal }),
          }),
    folder,
  };
}

async function costOf({ config, model, metrics }: Run, dataset: Dataset): Promise<Cost> {
  const { test } = dataset;
  return {
    ...countCost(config, model.shape, meanFrames(dataset, config.data.maxLength)),
    training_seconds: metrics.seconds,
    epochs: metrics.epochs,
    latency_1_ms: (await measureLatency(model, test, 1)).median_ms,
    latency_128_ms: (await measureLatency(model, test, 128)).median_ms,
  };
}
