import type { Split } from '../../data/dataset';
import { gatherRows, oneHot, type Matrix } from './matrix';

/** What a probe is to find in the codes of the examples of a split. */
export interface Target {
  readonly name: string;
  /** Classes are one-hot columns. */
  readonly kind: 'numbers' | 'classes';
  /** Whether it is a group of true factors. */
  readonly factor: boolean;
  /** [examples, columns] */
  readonly values: Matrix;
}

/** The label, where there is one, then the groups of true factors in the order of the data set. */
export function targetsOf({ dataset, rows }: Split): Target[] {
  const { label, factors } = dataset;
  const groups = Object.entries(factors).map(([name, { width, values }]): Target => ({
    name,
    kind: 'numbers',
    factor: true,
    values: gatherRows(values, width, rows),
  }));
  if (label === null) return groups;
  const own = gatherRows(label.values, 1, rows);
  const { classes } = label;
  const [kind, values] =
    classes === undefined
      ? (['numbers', own] as const)
      : (['classes', oneHot(own.values, classes.length)] as const);
  return [{ name: 'label', kind, factor: false, values }, ...groups];
}
