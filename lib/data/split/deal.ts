import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

import { shuffle } from '../random';

/**
 * Hands `rows` out one after another, each to the part that is furthest behind its share, so that every stretch of
 * `rows`, not only the whole, is parted by the shares. Returns the rows of each part. `shares` add up to 1.
 */
export function deal(rows: Int32Array, shares: readonly number[]): Int32Array[] {
  const parts = shares.map(() => [] as number[]);
  rows.forEach((row, index) => {
    const behind = shares.map(
      (share, part) => share * (index + 1) - (parts[part] as number[]).length,
    );
    (parts[indexOfLargest(behind)] as number[]).push(row);
  });
  return parts.map((part) => Int32Array.from(part));
}

/**
 * The same with whole groups, the largest first; `groupOf` names the group of row i. Of groups that are equally
 * large chance takes the first. No part with a share stays empty where there are groups enough.
 */
export function dealGroups(
  groupOf: readonly string[],
  shares: readonly number[],
  generator: RandomGenerator,
): Int32Array[] {
  const groups = new Map<string, number[]>();
  groupOf.forEach((name, row) => {
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [row]);
    else members.push(row);
  });
  // Sorting is stable: it leaves groups of one size in their random order.
  const order = shuffle([...groups.keys()].sort(), generator).map(
    (name) => groups.get(name) as number[],
  );
  order.sort((a, b) => b.length - a.length);

  const parts = shares.map(() => [] as number[]);
  order.forEach((members, index) => {
    const empty = parts.map((part, i) => part.length === 0 && (shares[i] as number) > 0);
    const isLast = order.length - index <= empty.filter(Boolean).length;
    const behind = shares.map((share, i) =>
      isLast && !(empty[i] as boolean)
        ? -Infinity
        : share * groupOf.length - (parts[i] as number[]).length,
    );
    const part = parts[indexOfLargest(behind)] as number[];
    for (const row of members) part.push(row);
  });
  return parts.map((part) => Int32Array.from(part).sort());
}

function indexOfLargest(values: readonly number[]): number {
  return values.reduce(
    (best, value, index) => (value > (values[best] as number) ? index : best),
    0,
  );
}
