import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError, messageOf } from '../errors';
import type { Metrics } from '../metrics';
import type { NativeEpoch } from '../../binding';
import { FILES } from './checkpoint';
import type { FileContent } from './files';

/** One line of history.jsonl: what an epoch did. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** The objective L, and its terms summed over modalities, not multiplied by their weights. */
  readonly loss: number;
  /** L_pred, mean over the epoch's steps, as every term. */
  readonly prediction: number;
  /** Variance of the prediction loss over environments. */
  readonly risk: number;
  /** How far predictions under noise lie from the clean one (ours). */
  readonly consistency: number;
  /** R_inv, summed over modalities. */
  readonly invariance: number;
  /** R_dec, summed over modalities. */
  readonly decorrelation: number;
  /** R_rec, summed over modalities. */
  readonly reconstruction: number;
  /** The three constraints of each modality. */
  readonly modalities: Readonly<
    Record<string, { invariance: number; decorrelation: number; reconstruction: number }>
  >;
  /** Metrics on the validation split. */
  readonly valid: Metrics;
  /** True when this epoch is the best so far. */
  readonly best: boolean;
  /** After the epoch's last step. */
  readonly learning_rate: number;
  /** Of the whole epoch: training, validation, and handing over the checkpoint of the one before. */
  readonly seconds: number;
  /** Of these, spent in native code. */
  readonly native_seconds: number;
  /** Of the training steps alone. */
  readonly examples_per_second: number;
}

/** Puts the engine's figures of an epoch into a record's terms. */
export function describeTerms(
  { terms, seconds, examples }: NativeEpoch,
  modalities: readonly { readonly name: string }[],
): Omit<EpochRecord, 'epoch' | 'valid' | 'best' | 'learning_rate' | 'seconds' | 'native_seconds'> {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    loss: terms.loss,
    prediction: terms.prediction,
    risk: terms.risk,
    consistency: terms.consistency,
    invariance: sum(terms.invariance),
    decorrelation: sum(terms.decorrelation),
    reconstruction: sum(terms.reconstruction),
    modalities: Object.fromEntries(
      modalities.map(({ name }, m) => [
        name,
        {
          invariance: terms.invariance[m] ?? 0,
          decorrelation: terms.decorrelation[m] ?? 0,
          reconstruction: terms.reconstruction[m] ?? 0,
        },
      ]),
    ),
    examples_per_second: examples / Math.max(seconds, 1e-9),
  };
}

/** How long the epochs took together. */
export function secondsOf(history: readonly EpochRecord[]): number {
  return history.reduce((sum, { seconds }) => sum + seconds, 0);
}

/** The whole history, a line an epoch. */
export function historyFile(history: readonly EpochRecord[]): FileContent {
  const lines = history.map((record) => `${JSON.stringify(record)}\n`);
  return { name: FILES.history, content: lines.join('') };
}

/**
 * The first `epochs` records of a run's history: a checkpoint may be older than the last line.
 * Throws ERR_CMIR_CHECKPOINT when they are not all there.
 */
export async function readHistory(folder: string, epochs: number): Promise<EpochRecord[]> {
  const path = join(folder, FILES.history);
  try {
    const lines = (await readFile(path, 'utf8')).split('\n');
    return Array.from(
      { length: epochs },
      (_, index) => JSON.parse(lines[index] ?? '') as EpochRecord,
    );
  } catch (cause) {
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${path}: expected ${String(epochs)} lines of JSON, one a finished epoch: ${messageOf(cause)}`,
      { cause },
    );
  }
}
