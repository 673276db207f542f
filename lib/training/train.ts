import { join } from 'node:path';

import { resolveConfig, type Config, type Options } from '../config';
import { Dataset, type Split } from '../data/dataset';
import { loadDataset, type DatasetArrays } from '../data/load';
import { CmirError, throwIfAborted } from '../errors';
import type { Metrics } from '../metrics';
import { loadAddon } from '../native/load';
import type { NativeState } from '../../binding';
import { FILES, checkRunFolder, createRunFolder, fingerprint } from './checkpoint';
import { decideClassWeights } from './classes';
import { continueFrom } from './continuation';
import { evaluateSplits, targetsOf, type RunMetrics } from './evaluation';
import { removeFile, removeUnfinished, updateFiles } from './files';
import { secondsOf, type EpochRecord } from './history';
import { runEpochs, type ProgressReport } from './loop';
import { Model, createTrainer } from './model';
import { Recorder, withoutOptimizer, type Entry } from './recorder';
import { EarlyStopping } from './selection';
import { decide, shapeOf } from './shape';

/** What goes along with a training: where it is written, who is told, what stops it. */
export interface TrainOptions {
  /** Stops within one step; the promise rejects with ERR_CMIR_ABORTED, the last checkpoint stays. */
  readonly signal?: AbortSignal;
  /** Once the run is ready to train and its folder is there; awaited. */
  readonly onStart?: () => void | Promise<void>;
  /**
   * After each epoch, once its checkpoint is handed over; a promise is awaited, and holds up the next epoch. `stop`
   * ends the training here, as patience does: the best model so far is saved and evaluated, and resuming the run
   * trains no further.
   */
  readonly onEpoch?: (record: EpochRecord, stop: () => void) => unknown;
  /** About ten times a second. */
  readonly onProgress?: (report: ProgressReport) => void;
  /** Run folder to write; without it nothing is written. It must be new or empty. */
  readonly out?: string;
  /**
   * Continue the run in `out` after its last saved epoch, exactly as if it had never been killed: the files end up
   * byte for byte the same but for times. A run that was killed before its first checkpoint begins again; one that
   * has ended is evaluated again and its folder left as it is.
   */
  readonly resume?: boolean;
}

/** What a training resolves to. */
export interface Run {
  /** The complete configuration, every auto decided. */
  readonly config: Config;
  /**
   * `test` is there where the data set has such a split, as nearly every one has: no type can know, and to ask each
   * time would be a burden. Where it may be missing, take the metrics as `RunMetrics`, in which it is optional.
   */
  readonly metrics: RunMetrics & { readonly test: Metrics };
  /** One record an epoch. */
  readonly history: readonly EpochRecord[];
  /** The best epoch's model; dispose of it when done. */
  readonly model: Model;
  /** The run folder, where one was asked for. */
  readonly out?: string;
}

/**
 * Trains on the split `train`, selects the epoch on `valid`, and evaluates the best model on every other split.
 * Throws ERR_CMIR_CONFIG, ERR_CMIR_DATA or ERR_CMIR_USAGE before anything is written.
 */
export async function train(
  source: string | Dataset | DatasetArrays,
  options: Options = {},
  hooks: TrainOptions = {},
): Promise<Run> {
  throwIfAborted(hooks.signal);
  const wanted = resolveConfig(options);
  if (hooks.resume === true && hooks.out === undefined) {
    throw new CmirError('ERR_CMIR_USAGE', 'resume: needs out, the run folder to continue');
  }
  if (hooks.out !== undefined && hooks.resume !== true) await checkRunFolder(hooks.out);
  const { signal } = hooks;
  const dataset = await loadDataset(source, { ...wanted.data, task: wanted.task, signal });
  const shape = shapeOf(dataset);
  const splits = { train: filled(dataset, 'train'), valid: filled(dataset, 'valid') };
  const decided = decide(wanted, shape, loadAddon().describe().cudaDevices);
  const config = decideClassWeights(decided, shape, targetsOf(splits.train));

  const model = new Model(createTrainer(config, shape), config, shape);
  try {
    return await run(model, dataset, splits, hooks);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function run(
  model: Model,
  dataset: Dataset,
  splits: { train: Split; valid: Split },
  { signal, onStart, onEpoch, onProgress, out, resume = false }: TrainOptions,
): Promise<Run> {
  const { config, shape, trainer } = model;
  const data = out === undefined ? '' : fingerprint(dataset);
  const past = out !== undefined && resume ? await continueFrom(out, model, data) : undefined;
  const history = past?.history ?? [];
  const { metric, patience, epochs } = config.training;
  const stopping = new EarlyStopping(metric, patience, past?.progress);
  let best = past?.best;

  if (past === undefined) await model.fitNormalizer(splits.train);
  await model.upload(dataset);
  const recorder = out === undefined ? undefined : new Recorder(out, { config, shape });
  const entry = (state: NativeState, written: NativeState | undefined): Entry => {
    const { bestEpoch, bestScore, stale, stopped } = stopping;
    const progress = { epoch: history.length, bestEpoch, bestScore, stale, stopped, data };
    return { state, best: written, history, progress };
  };
  if (out !== undefined) {
    if (resume) await removeUnfinished(out);
    else await createRunFolder(out);
    await recorder?.begin(entry(await trainer.getState(true), best));
    // Metrics are those of a run that has ended: this one goes on.
    if (history.length < epochs && !stopping.shouldStop) await removeFile(join(out, FILES.metrics));
  }
  const stop = (): void => {
    stopping.stopped = true;
  };

  try {
    await onStart?.();
    await runEpochs({
      trainer,
      config,
      shape,
      train: splits.train.rows,
      valid: { rows: splits.valid.rows, targets: targetsOf(splits.valid) },
      ids: dataset.ids,
      stopping,
      history,
      states: recorder === undefined ? 'best' : 'all',
      signal,
      onProgress,
      onState: async (epoch, state) => {
        if (epoch.best) best = withoutOptimizer(state);
        await recorder?.add(entry(state, epoch.best ? best : undefined));
      },
      onEpoch: async (epoch, state) => {
        await onEpoch?.(epoch, stop);
        if (stopping.stopped && state !== undefined) await recorder?.add(entry(state, undefined));
      },
    });
  } finally {
    await recorder?.flush();
  }
  if (best === undefined) {
    throw new CmirError(
      'ERR_CMIR_DIVERGED',
      `${metric} was undefined on the validation split in every epoch: there is no best model; ` +
        'choose another training.metric',
    );
  }
  await trainer.setState(best);
  const evaluated = await evaluateSplits(model, dataset);
  const metrics = {
    ...evaluated,
    // With the metric that selected the epoch, should that be a robust one.
    valid: { ...evaluated.valid, ...history[stopping.bestEpoch - 1]?.valid },
    best_epoch: stopping.bestEpoch,
    epochs: history.length,
    seconds: secondsOf(history),
    parameters: model.parameterCount,
  } as Run['metrics'];
  if (out !== undefined) {
    const content = `${JSON.stringify(metrics, null, 2)}\n`;
    await updateFiles(out, [{ name: FILES.metrics, content }]);
  }
  return { config, metrics, history, model, ...(out === undefined ? {} : { out }) };
}

function filled(dataset: Dataset, name: string): Split {
  const split = dataset.splits.has(name) ? dataset.split(name) : undefined;
  if (split === undefined || split.rows.length === 0) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${dataset.name}: split '${name}' is empty; training needs examples in train and valid`,
    );
  }
  return split;
}
