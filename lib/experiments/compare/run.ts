import { join } from 'node:path';

import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { CmirError } from '../../errors';
import type { Metrics } from '../../metrics';
import { train, type Run, type RunMetrics } from '../../training/train';
import { isRunFolder } from '../../training/checkpoint';
import { latencyOf, type Latency } from '../cost';
import { evaluateSets } from '../evaluate';
import type { EvaluationSet } from '../results';

interface Request {
  readonly method: string;
  readonly seed: number;
  readonly dataset: Dataset;
  readonly sets: readonly EvaluationSet[];
  readonly options: Options;
  readonly out: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onStart?: ((folder: string) => Promise<void>) | undefined;
}

/** One method with one seed: what was trained and what it is worth on each test set. */
export interface Outcome {
  readonly method: string;
  readonly seed: number;
  readonly config: Run['config'];
  readonly shape: Run['model']['shape'];
  readonly metrics: RunMetrics;
  /** Metrics by name of the test set. */
  readonly sets: ReadonlyMap<string, Metrics>;
  /** Run folder, relative to the comparison's; where one is kept. */
  readonly folder: string | undefined;
}

/** Trains, or where the folder holds that very run continues, and evaluates. */
export async function runOne(request: Request): Promise<Outcome> {
  const { method, seed, dataset, sets, options, out, signal } = request;
  const folder = out === undefined ? undefined : join(method, `seed-${String(seed)}`);
  const path = out === undefined || folder === undefined ? undefined : join(out, folder);
  const run = await train(dataset, options, {
    ...(signal === undefined ? {} : { signal }),
    ...(path === undefined ? {} : { out: path, resume: await isRunFolder(path) }),
  }).catch((cause: unknown) => {
    if (!(cause instanceof CmirError)) throw cause;
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
    sets: await evaluateSets(model, dataset, sets, signal),
    folder,
  };
}
