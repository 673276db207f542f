import type { Bytes } from '../storage/bytes';
import { Machine } from './machine';
import { refuseOthers } from './refusals';
import type { PickleValue } from './values';

export { describeValue } from './describe';
export { describeOther } from './refusals';
export { StoredText } from './text';
export * from './values';

/**
 * The value of a Python pickle, protocols 0 to 5, Python 2's included. Nothing is imported or called: a fixed list
 * of names is known, any other is refused. The content of arrays stays where it is until it is asked for, so `bytes`
 * must stay open. Throws ERR_CMIR_DATA that names the file and the byte for whatever else is in it.
 */
export async function readPickle(bytes: Bytes): Promise<PickleValue> {
  await refuseOthers(bytes);
  return new Machine(bytes).run();
}
