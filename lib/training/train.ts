import { join } from 'node:path';

import { resolveConfig, type Config, type Options } from '../config';
import { Dataset, type Split } from '../data/dataset';
import { loadDataset, type DatasetArrays } from '../data/load';
import { CmirError, throwIfAborted } from '../errors';
import { baselineMetrics, type Metrics } from '../metrics';
import { loadAddon } from '../native/load';
import type { NativeState } from '../../binding';
import {
  FILES,
  checkRunFolder,
  checkSameConfig,
  createRunFolder,
  fingerprint,
  readLast,
  readModel,
  saveConfig,
  type Progress,
} from './checkpoint';
import { removeUnfinished, writeAtomically } from './files';
import { readHistory, secondsOf, type EpochRecord } from './history';
import { runEpochs, type ProgressReport } from './loop';
import { Model, createTrainer } from './model';
import { Recorder, withoutOptimizer } from './recorder';
import { EarlyStopping } from './selection';
import { decide, shapeOf } from './shape';

export interface TrainOptions {
  /** Stops within one step; the promise rejects with ERR_CMIR_ABORTED, the last checkpoint stays. */
  readonly signal?: AbortSignal;
  /** Once the run is ready to train and its folder is there; awaited. */
  readonly onStart?: () => void | Promise<void>;
  readonly onEpoch?: (record: EpochRecord) => void;
  readonly onProgress?: (report: ProgressReport) => void;
  /** Run folder to write; without it nothing is written. It must be new or empty. */
  readonly out?: string;
  /** Continue the run in `out` after its last finished epoch, exactly as if it had never stopped. */
  readonly resume?: boolean;
}

/** Why metrics are null, by name. */
export type Reasons = Readonly<Record<string, string>>;

/** Metrics by split, and how they came about: the content of metrics.json. */
export interface RunMetrics {
  readonly valid: Metrics;
  readonly test?: Metrics;
  readonly shifted?: Metrics;
  /** The same of a constant prediction: the training median, or the most frequent class. */
  readonly baseline: Readonly<Record<string, Metrics>>;
  /** Why a metric is null, by split and name. */
  readonly undefined?: {
    readonly valid?: Reasons;
    readonly test?: Reasons;
    readonly shifted?: Reasons;
    readonly baseline?: Readonly<Record<string, Reasons>>;
  };
  readonly best_epoch: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly parameters: number;
}

export interface Run {
  readonly config: Config;
  /**
   * `test` is there where the data set has such a split, as nearly every one has: no type can know, and to ask each
   * time would be a burden. Where it may be missing, take the metrics as `RunMetrics`, in which it is optional.
   */
  readonly metrics: RunMetrics & { readonly test: Metrics };
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
  const config = decide(wanted, shape, loadAddon().describe().cudaDevices);
  const splits = { train: filled(dataset, 'train'), valid: filled(dataset, 'valid') };

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
  const { metric, patience } = config.training;
  const stopping = new EarlyStopping(metric, patience, past?.progress);
  let best = past?.best;

  if (past === undefined) await model.fitNormalizer(splits.train);
  await model.upload(dataset);
  const recorder = out === undefined ? undefined : new Recorder(out, { config, shape });
  const record = async (state: NativeState, isBest: boolean): Promise<void> => {
    const { bestEpoch, bestScore, stale } = stopping;
    const progress = { epoch: history.length, bestEpoch, bestScore, stale, data };
    await recorder?.add({ state, best: isBest, history, progress });
  };
  if (out !== undefined) {
    if (past === undefined) await createRunFolder(out);
    else await removeUnfinished(out);
    await saveConfig(out, config);
    // Written again when continuing: a kill may have come before the best model was.
    await record(await trainer.getState(true), past !== undefined && isBestOfRun(past.progress));
  }
  await onStart?.();

  try {
    await runEpochs({
      trainer,
      config,
      shape,
      train: splits.train.rows,
      valid: { rows: splits.valid.rows, targets: targetsOf(splits.valid) },
      stopping,
      history,
      states: recorder === undefined ? 'best' : 'all',
      signal,
      onProgress,
      onEpoch: async (epoch, state) => {
        if (state !== undefined) {
          if (epoch.best) best = withoutOptimizer(state);
          await record(state, epoch.best);
        }
        onEpoch?.(epoch);
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
    await writeAtomically(join(out, FILES.metrics), `${JSON.stringify(metrics, null, 2)}\n`);
  }
  return { config, metrics, history, model, ...(out === undefined ? {} : { out }) };
}

/** Restores the last state of the run in `out`; throws when it is of another configuration or data set. */
async function continueFrom(
  out: string,
  model: Model,
  data: string,
): Promise<{ progress: Progress; history: EpochRecord[]; best: NativeState | undefined }> {
  const { state, config, progress } = await readLast(out);
  checkSameConfig(config, model.config);
  if (progress.data !== data) {
    throw new CmirError(
      'ERR_CMIR_MISMATCH',
      `--resume: the data set is not the one that the run in ${out} was started with`,
    );
  }
  await model.restore(state, join(out, FILES.last));
  const history = await readHistory(out, progress.epoch);
  if (progress.bestEpoch === 0) return { progress, history, best: undefined };
  const best = isBestOfRun(progress) ? withoutOptimizer(state) : (await readModel(out)).state;
  return { progress, history, best };
}

/** True when the last epoch is the best one. */
function isBestOfRun({ epoch, bestEpoch }: Progress): boolean {
  return epoch > 0 && epoch === bestEpoch;
}

/** The label's values of a split's rows: NaN without labels. */
export function targetsOf({ dataset, rows }: Split): Float32Array {
  return Float32Array.from(rows, (row) => dataset.label?.values[row] as number);
}

/** Metrics of the trained model, and of a constant, on every split but train. */
async function evaluateSplits(
  model: Model,
  dataset: Dataset,
): Promise<Pick<RunMetrics, 'valid' | 'baseline'>> {
  const trainTargets = targetsOf(dataset.train);
  const metrics: Record<string, Metrics> = {};
  const baseline: Record<string, Metrics> = {};
  const reasons: Record<string, object> = {};
  const baselineReasons: Record<string, Reasons> = {};
  for (const name of dataset.splits.keys()) {
    const split = dataset.split(name);
    if (name === 'train' || split.rows.length === 0) continue;
    const report = await model.evaluate(split);
    const constant = baselineMetrics(model.shape.task, trainTargets, targetsOf(split));
    metrics[name] = report.metrics;
    baseline[name] = constant.metrics;
    if (!isEmpty(report.undefined)) reasons[name] = report.undefined;
    if (!isEmpty(constant.undefined)) baselineReasons[name] = constant.undefined;
  }
  if (!isEmpty(baselineReasons)) reasons['baseline'] = baselineReasons;
  const why = isEmpty(reasons) ? {} : { undefined: reasons };
  return { ...metrics, baseline, ...why } as unknown as Pick<RunMetrics, 'valid' | 'baseline'>;
}

function isEmpty(object: object): boolean {
  return Object.keys(object).length === 0;
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
