import { join } from 'node:path';

import { CmirError } from '../errors';
import type { NativeState } from '../../binding';
import {
  FILES,
  checkSameConfig,
  hasOnlyBegun,
  readLast,
  readModel,
  type Progress,
} from './checkpoint';
import { readHistory, type EpochRecord } from './history';
import type { Model } from './model';
import { withoutOptimizer } from './recorder';

/** Where a run was left. */
export interface Past {
  readonly progress: Progress;
  readonly history: EpochRecord[];
  /** Undefined before the first epoch that was one. */
  readonly best: NativeState | undefined;
}

/**
 * Restores the last state of the run in `out`; undefined where it was killed before there was one, and begins again.
 * Throws ERR_CMIR_CONFIG or ERR_CMIR_MISMATCH when it is of another configuration or data set, ERR_CMIR_CHECKPOINT
 * when there is no run to continue.
 */
export async function continueFrom(
  out: string,
  model: Model,
  data: string,
): Promise<Past | undefined> {
  if (await hasOnlyBegun(out, model.config)) return undefined;
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
  return { progress, history, best: await bestOf(out, progress, state) };
}

async function bestOf(
  out: string,
  { epoch, bestEpoch }: Progress,
  last: NativeState,
): Promise<NativeState | undefined> {
  if (bestEpoch === 0) return undefined;
  // A kill may have come before the best model was written.
  return epoch === bestEpoch ? withoutOptimizer(last) : (await readModel(out)).state;
}
