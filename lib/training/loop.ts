import type { Config } from '../config';
import { shuffledRows } from '../data/batches';
import { CmirError, throwIfAborted } from '../errors';
import { computeMetrics } from '../metrics';
import type { NativeEpoch, NativeState, Trainer } from '../../binding';
import { divergedError } from './divergence';
import { describeTerms, type EpochRecord } from './history';
import { withRobustScore } from './robust';
import type { EarlyStopping } from './selection';
import type { ModelShape } from './shape';

/** Where a running training stands; given about ten times a second. */
export interface ProgressReport {
  /** The epoch under way, from 1. */
  readonly epoch: number;
  /** Most epochs that there may be. */
  readonly epochs: number;
  /** Steps done in this epoch. */
  readonly step: number;
  /** Steps of one epoch. */
  readonly steps: number;
  /** Training examples in a second, of this epoch so far. */
  readonly examplesPerSecond: number;
  /** Were all epochs to run; early stopping may end sooner. */
  readonly secondsLeft: number;
  /** The last finished epoch. */
  readonly last: EpochRecord | undefined;
}

/** Rows of the uploaded data with their targets: all that selection sees of it. */
export interface ValidationRows {
  readonly rows: Int32Array;
  readonly targets: Float32Array;
}

export interface EpochsOptions {
  /** Holds the data already. */
  readonly trainer: Trainer;
  readonly config: Config;
  readonly shape: ModelShape;
  /** Rows to learn from. */
  readonly train: Int32Array;
  readonly valid: ValidationRows;
  /** Names of the rows, for messages. */
  readonly ids: readonly string[];
  /** What is done so far, when continuing; both are brought up to date. */
  readonly stopping: EarlyStopping;
  readonly history: EpochRecord[];
  /** Which states are wanted: the best ones without the optimiser's, or all with it. */
  readonly states: 'best' | 'all';
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((report: ProgressReport) => void) | undefined;
  /** After each epoch of which a state is wanted: hands over the checkpoint, which is work of the next epoch. */
  readonly onState: (record: EpochRecord, state: NativeState) => Promise<void>;
  /** Then, after each epoch; what it awaits holds up the next, and is no epoch's time. */
  readonly onEpoch: (record: EpochRecord, state: NativeState | undefined) => Promise<void>;
}

/** Milliseconds between progress reports. */
const REPORT_INTERVAL = 100;

/**
 * Epochs of training and validation until patience or epochs run out. It knows rows, not the data set: no split
 * but train and valid can reach the selection of the epoch.
 * Throws ERR_CMIR_ABORTED within one step of the signal, ERR_CMIR_DIVERGED when a loss is not finite.
 */
export async function runEpochs(options: EpochsOptions): Promise<void> {
  const { trainer, config, shape, valid, stopping, history } = options;
  const orderOf = (epoch: number): Int32Array => shuffledRows(options.train, config.seed, epoch);
  let order = orderOf(history.length + 1);
  const pace = { reported: -Infinity };
  let start = performance.now();
  while (history.length < config.training.epochs && !stopping.shouldStop) {
    const epoch = history.length + 1;
    const running = runEpoch(order, epoch, options, pace);
    order = orderOf(epoch + 1); // while the engine works
    const result = await running;
    if (result.diverged !== null) {
      throw divergedError(result.diverged, epoch, options.ids, config.training.learningRate);
    }
    const clock = new Stopwatch();
    const outputs = await clock.time(trainer.predict(valid.rows, null));
    const clean = computeMetrics(shape.task, outputs, valid.targets, shape.outputs);
    const { metric } = config.training;
    const report = await withRobustScore(clean, metric, shape, valid.targets, (noise) =>
      clock.time(trainer.predict(valid.rows, noise)),
    );
    const best = stopping.isBest(epoch, report);
    const isWanted = best || options.states === 'all';
    const state = isWanted
      ? await clock.time(trainer.getState(options.states === 'all'))
      : undefined;
    const end = performance.now();
    const record: EpochRecord = {
      epoch,
      ...describeTerms(result, shape.modalities),
      valid: report.metrics,
      best,
      learning_rate: result.learningRate,
      seconds: (end - start) / 1000,
      native_seconds: result.seconds + clock.seconds,
    };
    history.push(record);
    if (state !== undefined) await options.onState(record, state);
    const handedOver = performance.now();
    await options.onEpoch(record, state);
    start = end + performance.now() - handedOver;
  }
}

/** Adds up the time that calls of the engine take. */
class Stopwatch {
  seconds = 0;

  async time<T>(work: Promise<T>): Promise<T> {
    const start = performance.now();
    const result = await work;
    this.seconds += (performance.now() - start) / 1000;
    return result;
  }
}

async function runEpoch(
  rows: Int32Array,
  epoch: number,
  { trainer, config, signal, onProgress, history }: EpochsOptions,
  pace: { reported: number },
): Promise<NativeEpoch> {
  throwIfAborted(signal);
  const { batchSize, epochs, accumulation } = config.training;
  const steps = Math.ceil(Math.ceil(rows.length / batchSize) / accumulation);
  const start = performance.now();
  const report = (): void => {
    pace.reported = performance.now();
    const step = trainer.disposed ? steps : trainer.progress;
    const perStep = (performance.now() - start) / 1000 / Math.max(step, 1);
    onProgress?.({
      epoch,
      epochs,
      step,
      steps,
      examplesPerSecond: (batchSize * accumulation) / perStep,
      secondsLeft: perStep * (steps - step + steps * (epochs - epoch)),
      last: history.at(-1),
    });
  };
  const abort = (): void => {
    trainer.abort();
  };
  const timer = onProgress && setInterval(report, REPORT_INTERVAL);
  signal?.addEventListener('abort', abort, { once: true });
  try {
    const result = await trainer.trainEpoch(rows, batchSize);
    // Epochs may be shorter than the interval of the timer.
    if (performance.now() - pace.reported >= REPORT_INTERVAL) report();
    throwIfAborted(signal);
    if (result.aborted) {
      throw new CmirError('ERR_CMIR_ABORTED', 'the model was stopped or disposed while it trained');
    }
    return result;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', abort);
  }
}
