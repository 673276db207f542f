import { CmirError } from '../../errors';
import type { Bytes } from '../storage/bytes';

/** What every message about the content of a pickle looks like. */
export function problemAt(
  { name }: Pick<Bytes, 'name'>,
  offset: number,
  problem: string,
): CmirError {
  return new CmirError('ERR_CMIR_DATA', `${name}, byte ${String(offset)}: ${problem}`);
}
