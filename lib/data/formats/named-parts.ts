import { CmirError } from '../../errors';
import { listNames } from '../cells';
import type { Field, Part } from '../parts';
import { canonicalSplit } from '../splits';

/** What may stand between the name of a split and that of a field: train_audio, train/audio, train.audio. */
const SEPARATOR = /[_./]/g;

/**
 * Makes parts of a file that holds arrays by name: one for each split that names begin with, or one for all where
 * no name does or there is a field `split`. Names of features (<modality>_columns) may stand once for all splits.
 * Throws ERR_CMIR_DATA, naming `source`, where but some names begin with one.
 */
export function partsByName(source: string, fields: ReadonlyMap<string, Field>): Part[] {
  const shared = new Map<string, Field>();
  const bySplit = new Map<string, Map<string, Field>>();
  for (const [name, field] of fields) {
    const found = splitOf(name);
    if (found === null) {
      shared.set(name, field);
      continue;
    }
    const group = bySplit.get(found.split) ?? new Map<string, Field>();
    group.set(found.rest, field);
    bySplit.set(found.split, group);
  }
  if (bySplit.size === 0 || fields.has('split') || fields.has('splits')) {
    return [{ split: null, fields }];
  }
  const stray = [...shared.keys()].filter((name) => !name.endsWith('_columns'));
  if (stray.length > 0) {
    const prefixed = [...fields.keys()].filter((name) => splitOf(name) !== null);
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${source}: found arrays by split (${listNames(prefixed)}) and others (${listNames(stray)}), ` +
        "expected the name of a split before each, or before none and an array 'split'",
    );
  }
  return [...bySplit].map(([split, group]) => ({
    split,
    fields: new Map([...group, ...shared]),
  }));
}

/** The longest known split that a name begins with, as it is written there, and what follows. */
function splitOf(name: string): { split: string; rest: string } | null {
  const ends = [...name.matchAll(SEPARATOR)].map(({ index }) => index).reverse();
  for (const end of ends) {
    const split = name.slice(0, end);
    const rest = name.slice(end + 1);
    if (rest !== '' && canonicalSplit(split) !== undefined) return { split, rest };
  }
  return null;
}
