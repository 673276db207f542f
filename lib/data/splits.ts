import { CmirError } from '../errors';
import { closestTo } from '../suggest';
import { quoteCell } from './cells';

/** Names that a `split` column may hold. `shifted` is a test set drawn from another distribution. */
export const SPLIT_NAMES = ['train', 'valid', 'test', 'shifted'] as const;
export type SplitName = (typeof SPLIT_NAMES)[number];

/** What other projects call the splits; too far from our names for an edit distance. */
const SYNONYMS: ReadonlyMap<string, SplitName> = new Map([
  ['training', 'train'],
  ['validation', 'valid'],
  ['val', 'valid'],
  ['dev', 'valid'],
  ['development', 'valid'],
  ['testing', 'test'],
  ['test_iid', 'test'],
  ['test_ood', 'shifted'],
  ['ood', 'shifted'],
]);

/** Our name of a split that a file names; undefined for one that is none of ours. */
export function canonicalSplit(name: string): SplitName | undefined {
  const lower = name.toLowerCase();
  return SPLIT_NAMES.find((known) => known === lower) ?? SYNONYMS.get(lower);
}

/**
 * Row indices by split name, for the splits that occur, each in the order of `names`.
 * Throws ERR_CMIR_DATA for a name that is none of SPLIT_NAMES; `where` says where row i stands.
 */
export function groupSplits(
  names: readonly string[],
  where: (row: number) => string,
): Map<string, Int32Array> {
  const rows = new Map<string, number[]>(SPLIT_NAMES.map((name) => [name, []]));
  names.forEach((name, row) => {
    const group = rows.get(name);
    if (group === undefined) throw unknownSplit(name, where(row));
    group.push(row);
  });
  const used = [...rows].filter(([, group]) => group.length > 0);
  return new Map(used.map(([name, group]) => [name, Int32Array.from(group)]));
}

function unknownSplit(name: string, where: string): CmirError {
  const lower = name.toLowerCase();
  const nearest = SYNONYMS.get(lower) ?? closestTo(lower, SPLIT_NAMES);
  const meant = nearest === undefined ? '' : `; is '${nearest}' meant?`;
  return new CmirError(
    'ERR_CMIR_DATA',
    `${where}: found split ${quoteCell(name)}, expected ${SPLIT_NAMES.join(', ')}${meant}`,
  );
}
