import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { writeAtomically } from '../../training/files';
import { findMethod, methodOptions } from '../methods';
import { mergeOptions } from '../options';
import { defaultParallel, inParallel } from '../pool';
import type { SensitivityRow } from '../results';
import { chosenMetrics } from '../robustness';
import { resultRows } from '../rows';
import { SENSITIVITY_SETTINGS, sensitivity, type SensitivitySetting } from '../sensitivity';
import { standardSets } from '../sets';
import type { CompareOptions } from './index';
import { runOne } from './run';
import { readTuned } from './tuned';

/** What `methodSensitivity` varies and trains. */
export interface MethodSensitivityOptions extends Pick<
  CompareOptions,
  'seeds' | 'sets' | 'tuned' | 'options' | 'parallel' | 'out' | 'signal'
> {
  /** Name of a method; default cmir. */
  readonly method?: string;
  /** Default SENSITIVITY_SETTINGS; of a method that lists its environments, without K and intensity. */
  readonly settings?: readonly SensitivitySetting[];
  /** After each value of each setting. */
  readonly onRows?: (rows: readonly SensitivityRow[]) => void;
}

/** Name of the file in a result folder. */
export const SENSITIVITY_FILE = 'sensitivity.json';

/**
 * How the metrics of a method on the test sets answer to one setting at a time: weights, K and intensity. Nothing is
 * chosen by it. Throws what sensitivity and train throw.
 */
export async function methodSensitivity(
  dataset: Dataset,
  given: MethodSensitivityOptions = {},
): Promise<SensitivityRow[]> {
  const method = findMethod(given.method ?? 'cmir');
  const tuned = given.tuned === undefined ? {} : await readTuned(given.tuned, method.tunedAs);
  const base = methodOptions(method, { threads: 1, ...given.options }, tuned);
  const { signal, out, onRows } = given;
  const rows = await sensitivity({
    base,
    settings: given.settings ?? settingsOf(base),
    evaluate: evaluator(method.name, dataset, given),
    ...(onRows && { onRows }),
    ...(signal && { signal }),
  });
  if (out !== undefined) {
    await mkdir(out, { recursive: true });
    await writeAtomically(join(out, SENSITIVITY_FILE), `${JSON.stringify(rows, null, 2)}\n`);
  }
  return rows;
}

function settingsOf({ environments }: Options): readonly SensitivitySetting[] {
  return Array.isArray(environments)
    ? SENSITIVITY_SETTINGS.filter(({ key }) => !key.startsWith('environments.'))
    : SENSITIVITY_SETTINGS;
}

function evaluator(
  method: string,
  dataset: Dataset,
  { seeds: count = 3, sets = standardSets(dataset), parallel, signal }: MethodSensitivityOptions,
): Parameters<typeof sensitivity>[0]['evaluate'] {
  const seeds = Array.from({ length: count }, (_, index) => index + 1);
  return async (options) => {
    const outcomes = await inParallel(
      seeds,
      parallel ?? defaultParallel(),
      (seed) => {
        const own = mergeOptions(options, { seed });
        return runOne({ method, seed, dataset, sets, options: own, out: undefined, signal });
      },
      signal,
    );
    const metrics = chosenMetrics(outcomes[0]?.shape.task ?? 'regression', undefined);
    const values = { method, seeds, outcomes: outcomes.map((outcome) => outcome.sets) };
    return resultRows([values], sets, metrics);
  };
}
