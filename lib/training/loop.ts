import { shuffledRows } from '../data/batches';
import type { Split } from '../data/dataset';
import { CmirError } from '../errors';
import type { NativeEpoch, NativeState, NativeTerms, Trainer } from '../../binding';
import { describeTerms, type EpochRecord } from './history';
import { throwIfAborted, type Model } from './model';
import { EarlyStopping } from './selection';

/** Where a running training stands; given about ten times a second. */
export interface ProgressReport {
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  /** Steps of one epoch. */
  readonly steps: number;
  readonly examplesPerSecond: number;
  /** Were all epochs to run; early stopping may end sooner. */
  readonly secondsLeft: number;
  /** The last finished epoch. */
  readonly last: EpochRecord | undefined;
}

export interface EpochsOptions {
  readonly model: Model;
  readonly train: Split;
  readonly valid: Split;
  /** What is done so far, when continuing. */
  readonly stopping: EarlyStopping;
  readonly history: EpochRecord[];
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((report: ProgressReport) => void) | undefined;
  /** After each epoch; what it awaits is done before the next. */
  readonly onEpoch: (record: EpochRecord, state: () => Promise<NativeState>) => Promise<void>;
}

/** Milliseconds between progress reports. */
const REPORT_INTERVAL = 100;

/**
 * Epochs of training and validation until patience or epochs run out. The model holds the data already.
 * Throws ERR_CMIR_ABORTED within one step of the signal, ERR_CMIR_DIVERGED when a loss term is not finite.
 */
export async function runEpochs(options: EpochsOptions): Promise<void> {
  const { model, train, valid, stopping, history, signal } = options;
  const { config } = model;
  while (history.length < config.training.epochs && !stopping.shouldStop) {
    const epoch = history.length + 1;
    const start = performance.now();
    const rows = shuffledRows(train.rows, config.seed, epoch);
    const result = await runEpoch(model.trainer, rows, epoch, options);
    checkFinite(result.terms, epoch, model);
    const report = await model.evaluate(valid, signal ? { signal } : {});
    const record: EpochRecord = {
      epoch,
      ...describeTerms(result, model.shape.modalities),
      valid: report.metrics,
      best: stopping.isBest(epoch, report),
      learning_rate: config.training.learningRate,
      seconds: (performance.now() - start) / 1000,
    };
    history.push(record);
    await options.onEpoch(record, () => model.trainer.getState(true));
  }
}

async function runEpoch(
  trainer: Trainer,
  rows: Int32Array,
  epoch: number,
  { model, signal, onProgress, history }: EpochsOptions,
): Promise<NativeEpoch> {
  throwIfAborted(signal);
  const { batchSize, epochs } = model.config.training;
  const steps = Math.ceil(rows.length / batchSize);
  const start = performance.now();
  const report = (): void => {
    const step = trainer.disposed ? steps : trainer.progress;
    const perStep = (performance.now() - start) / 1000 / Math.max(step, 1);
    onProgress?.({
      epoch,
      epochs,
      step,
      steps,
      examplesPerSecond: batchSize / perStep,
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

function checkFinite(terms: NativeTerms, epoch: number, { config, shape }: Model): void {
  const perModality = (['invariance', 'decorrelation', 'reconstruction'] as const).flatMap((term) =>
    terms[term].map(
      (value, m) => [`${term} of ${shape.modalities[m]?.name ?? ''}`, value] as const,
    ),
  );
  const values = [
    ['prediction', terms.prediction] as const,
    ...perModality,
    ['loss', terms.loss] as const,
  ];
  const broken = values.find(([, value]) => !Number.isFinite(value));
  if (broken === undefined) return;
  throw new CmirError(
    'ERR_CMIR_DIVERGED',
    `epoch ${String(epoch)}: ${broken[0]} became ${String(broken[1])}; ` +
      `try a smaller training.learningRate (now ${String(config.training.learningRate)}); the best checkpoint is kept`,
  );
}
