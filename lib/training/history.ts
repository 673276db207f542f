import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Metrics } from '../metrics';
import type { NativeEpoch } from '../../binding';
import { FILES } from './checkpoint';
import { writeAtomically } from './files';

/** One line of history.jsonl: what an epoch did. */
export interface EpochRecord {
  /** Counted from 1. */
  readonly epoch: number;
  /** The objective L, and its terms summed over modalities, not multiplied by their weights. */
  readonly loss: number;
  readonly prediction: number;
  readonly invariance: number;
  readonly decorrelation: number;
  readonly reconstruction: number;
  /** The three constraints of each modality. */
  readonly modalities: Readonly<
    Record<string, { invariance: number; decorrelation: number; reconstruction: number }>
  >;
  /** Metrics on the validation split. */
  readonly valid: Metrics;
  /** True when this epoch is the best so far. */
  readonly best: boolean;
  readonly learning_rate: number;
  /** Of the whole epoch with its validation, and of the training steps in native code alone. */
  readonly seconds: number;
  readonly native_seconds: number;
  readonly examples_per_second: number;
}

/** Puts the engine's figures of an epoch into a record's terms. */
export function describeTerms(
  { terms, seconds, examples }: NativeEpoch,
  modalities: readonly { readonly name: string }[],
): Omit<EpochRecord, 'epoch' | 'valid' | 'best' | 'learning_rate' | 'seconds'> {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return {
    loss: terms.loss,
    prediction: terms.prediction,
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
    native_seconds: seconds,
    examples_per_second: examples / Math.max(seconds, 1e-9),
  };
}

/** Writes the whole history: it stays whole whenever the run ends. */
export async function saveHistory(folder: string, history: readonly EpochRecord[]): Promise<void> {
  const lines = history.map((record) => `${JSON.stringify(record)}\n`);
  await writeAtomically(join(folder, FILES.history), lines.join(''));
}

/** The first `epochs` records of a run's history: a checkpoint may be older than the last line. */
export async function readHistory(folder: string, epochs: number): Promise<EpochRecord[]> {
  const text = await readFile(join(folder, FILES.history), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .slice(0, epochs)
    .map((line) => JSON.parse(line) as EpochRecord);
}
