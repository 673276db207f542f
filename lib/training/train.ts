import { resolveConfig, type Config, type Options } from '../config';
import { Dataset, type Split } from '../data/dataset';
import { loadDataset, type DatasetArrays } from '../data/load';
import { fitNormalizer } from '../data/normalize';
import { CmirError } from '../errors';
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
  saveLast,
  saveModel,
  type Progress,
} from './checkpoint';
import { writeAtomically } from './files';
import { readHistory, saveHistory, type EpochRecord } from './history';
import { runEpochs, type ProgressReport } from './loop';
import { Model, createTrainer } from './model';
import { EarlyStopping } from './selection';
import { decide, shapeOf } from './shape';
import { join } from 'node:path';

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

/** Metrics by split, and how they came about: the content of metrics.json. */
export interface RunMetrics {
  readonly valid: Metrics;
  readonly test?: Metrics;
  readonly shifted?: Metrics;
  /** The same of a constant prediction: the training median, or the most frequent class. */
  readonly baseline: Readonly<Record<string, Metrics>>;
  /** Why a metric is null, by split and name. */
  readonly undefined?: Readonly<Record<string, Record<string, string>>>;
  readonly best_epoch: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly parameters: number;
}

export interface Run {
  readonly config: Config;
  readonly metrics: RunMetrics & Readonly<Record<'test', Metrics>>;
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
  const wanted = resolveConfig(options);
  if (hooks.resume === true && hooks.out === undefined) {
    throw new CmirError('ERR_CMIR_USAGE', 'resume: needs out, the run folder to continue');
  }
  if (hooks.out !== undefined && hooks.resume !== true) await checkRunFolder(hooks.out);
  const dataset = await loadDataset(source, { ...wanted.data, task: wanted.task });
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
  const { config, shape } = model;
  const data = out === undefined ? '' : fingerprint(dataset);
  const past = out !== undefined && resume ? await continueFrom(out, model, data) : undefined;
  const history = past?.history ?? [];
  const stopping = new EarlyStopping(
    config.training.metric,
    config.training.patience,
    past?.progress,
  );
  let best: NativeState | undefined = past?.best;
  let seconds = past?.progress.seconds ?? 0;

  if (past === undefined) await setNormalizer(model, splits.train);
  await model.upload(dataset);
  const save = async (state: NativeState): Promise<void> => {
    if (out === undefined) return;
    const { bestEpoch, bestScore, stale } = stopping;
    const progress: Progress = {
      epoch: history.length,
      bestEpoch,
      bestScore,
      stale,
      seconds,
      data,
    };
    await saveHistory(out, history);
    await saveLast(out, { state, config, shape }, progress);
  };
  if (out !== undefined) {
    if (past === undefined) await createRunFolder(out);
    await saveConfig(out, config);
    if (past === undefined) await save(await model.trainer.getState(true));
  }

  await onStart?.();

  await runEpochs({
    model,
    ...splits,
    stopping,
    history,
    signal,
    onProgress,
    onEpoch: async (record, getState) => {
      seconds += record.seconds;
      if (record.best) {
        best = await model.state();
        if (out !== undefined) await saveModel(out, { state: best, config, shape });
      }
      if (out !== undefined) await save(await getState());
      onEpoch?.(record);
    },
  });
  if (best === undefined) {
    throw new CmirError(
      'ERR_CMIR_DIVERGED',
      `no epoch has a ${config.training.metric} on the validation split; there is no best model`,
    );
  }
  await model.trainer.setState(best);
  const metrics = {
    ...(await evaluateSplits(model, dataset)),
    best_epoch: stopping.bestEpoch,
    epochs: history.length,
    seconds,
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
  await model.trainer.setState(state);
  const best = progress.bestEpoch > 0 ? (await readModel(out)).state : undefined;
  return { progress, history: await readHistory(out, progress.epoch), best };
}

/** The statistics of the training split become part of the model. */
async function setNormalizer(model: Model, { dataset, rows }: Split): Promise<void> {
  const state = await model.state();
  for (const modality of dataset.modalities) {
    const { mean, std } = fitNormalizer(modality, rows);
    state.tensors[`normalizer.${modality.name}.mean`]?.data.set(mean);
    state.tensors[`normalizer.${modality.name}.std`]?.data.set(std);
  }
  await model.trainer.setState(state);
}

/** Metrics of the trained model, and of a constant, on every split but train. */
async function evaluateSplits(
  model: Model,
  dataset: Dataset,
): Promise<Pick<RunMetrics, 'valid' | 'baseline'>> {
  const metrics: Record<string, Metrics> = {};
  const baseline: Record<string, Metrics> = {};
  const reasons: Record<string, Record<string, string>> = {};
  const targets = (split: Split): Float32Array =>
    Float32Array.from(split.rows, (row) => dataset.label?.values[row] as number);
  for (const name of dataset.splits.keys()) {
    const split = dataset.split(name);
    if (name === 'train' || split.rows.length === 0) continue;
    const report = await model.evaluate(split);
    metrics[name] = report.metrics;
    baseline[name] = baselineMetrics(
      model.shape.task,
      targets(dataset.train),
      targets(split),
    ).metrics;
    if (Object.keys(report.undefined).length > 0) reasons[name] = report.undefined;
  }
  const why = Object.keys(reasons).length > 0 ? { undefined: reasons } : {};
  return { ...metrics, baseline, ...why } as unknown as Pick<RunMetrics, 'valid' | 'baseline'>;
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
