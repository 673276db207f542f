import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { CmirError } from '../../errors';
import type { EpochRecord } from '../../training/history';
import { train, type Run } from '../../training/train';
import type { Slot } from '../pool';
import type { Trial } from '../results';
import type { Halving, Verdict } from './halving';

interface Request {
  readonly trial: number;
  readonly values: Readonly<Record<string, unknown>>;
  readonly options: Options;
}

interface Surroundings {
  /** Of validation, decided. */
  readonly metric: string;
  readonly halving: Halving | undefined;
  readonly slot: Slot;
  readonly signal: AbortSignal | undefined;
}

/** Trains one trial. A configuration that fails to train is a result too; only an abort is thrown. */
export async function runTrial(
  { trial, values, options }: Request,
  data: Dataset,
  { metric, halving, slot, signal }: Surroundings,
): Promise<Trial> {
  const start = performance.now();
  const rungs: { epoch: number; score: number | null }[] = [];
  const verdicts: Verdict[] = [];
  let best: number | null = null;
  const seconds = (): number => (performance.now() - start) / 1000;
  const onEpoch = async (record: EpochRecord, stop: () => void): Promise<void> => {
    if (record.best) best = record.valid[metric] ?? null;
    if (halving?.rungs.includes(record.epoch) !== true) return;
    rungs.push({ epoch: record.epoch, score: best });
    const verdict = await slot.pause(halving.reach(trial, record.epoch, best));
    verdicts.push(verdict);
    if (verdict === 'stop') stop();
  };
  try {
    const run = await train(data, options, { ...signalOf(signal), onEpoch });
    run.model.dispose();
    return {
      trial,
      values,
      score: bestScore(run),
      epochs: run.metrics.epochs,
      seconds: seconds(),
      state: verdicts.includes('stop') ? 'halved' : 'finished',
      ...(rungs.length === 0 ? {} : { rungs }),
    };
  } catch (error) {
    if (!(error instanceof CmirError) || error.code === 'ERR_CMIR_ABORTED') throw error;
    const { message } = error;
    return { trial, values, score: null, epochs: 0, seconds: seconds(), state: 'failed', message };
  } finally {
    halving?.end(trial);
  }
}

/** The validation score of a training, null where it diverged. */
export async function scoreOf(
  options: Options,
  data: Dataset,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  try {
    const run = await train(data, options, signalOf(signal));
    run.model.dispose();
    return bestScore(run);
  } catch (error) {
    if (error instanceof CmirError && error.code === 'ERR_CMIR_DIVERGED') return null;
    throw error;
  }
}

function bestScore({ history, metrics, config }: Run): number | null {
  const record = history[metrics.best_epoch - 1];
  return record?.valid[config.training.metric] ?? null;
}

function signalOf(signal: AbortSignal | undefined): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
