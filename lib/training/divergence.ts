import { CmirError } from '../errors';
import type { NativeDivergence } from '../../binding';

/** So many examples are named. */
const NAMED = 8;

/** ERR_CMIR_DIVERGED for an epoch that came upon a loss that is no finite number; `ids` by row. */
export function divergedError(
  { term, modality, value, step, rows }: NativeDivergence,
  epoch: number,
  ids: readonly string[],
  learningRate: number,
): CmirError {
  const what = modality === null ? term : `${term} of ${modality}`;
  const named = rows.slice(0, NAMED).map((row) => ids[row] ?? String(row));
  const more = rows.length > NAMED ? ` and ${String(rows.length - NAMED)} more` : '';
  const where =
    step === null ? '' : ` in step ${String(step)}, on the examples ${named.join(', ')}${more}`;
  return new CmirError(
    'ERR_CMIR_DIVERGED',
    `epoch ${String(epoch)}: ${what} became ${String(value)}${where}; ` +
      `try a smaller training.learningRate (now ${String(learningRate)}), and look at these examples' values; ` +
      'nothing of this epoch is kept, all that was written before is',
  );
}
