import type { Dataset, Label } from '../dataset';

/** What a constant reaches: the reference for every score on that split. */
export interface ConstantScore {
  /** Regression: mean absolute error of the training median. */
  readonly MAE?: number;
  /** Classification: share of the most frequent training class. */
  readonly Acc?: number;
  /** Regression: share of labels other than 0 on the same side of 0 as that median; null where all are 0. */
  readonly Non0_acc_2?: number | null;
}

/** One split's examples and labels. */
export interface SplitSummary {
  /** Number of examples. */
  readonly examples: number;
  /** Share of the labels: by class; of a regression negative, neutral (0) and positive. */
  readonly priors: Readonly<Record<string, number>>;
  /** Mean of a regression label. */
  readonly mean?: number;
  /** Null where there is no train split. */
  readonly constant: ConstantScore | null;
}

/** By split; of an unlabelled data set only the sizes. */
export type SplitSummaries = Readonly<Record<string, SplitSummary | { readonly examples: number }>>;

export function summarizeSplits({ label, splits }: Dataset): SplitSummaries {
  const train = splits.get('train') ?? null;
  return Object.fromEntries(
    [...splits].map(([name, rows]) => [
      name,
      label === null ? { examples: rows.length } : summarize(label, rows, train),
    ]),
  );
}

function summarize(label: Label, rows: Int32Array, train: Int32Array | null): SplitSummary {
  const values = pick(label, rows);
  const known = train === null ? null : pick(label, train);
  if (label.task === 'classification') {
    const classes = label.classes ?? [];
    const priors = classes.map((name, index) => [name, share(values, (v) => v === index)] as const);
    const constant = known === null ? null : mostFrequentClass(known, classes);
    return {
      examples: rows.length,
      priors: Object.fromEntries(priors),
      constant: constant === null ? null : { Acc: share(values, (v) => v === constant) },
    };
  }
  return {
    examples: rows.length,
    priors: {
      negative: share(values, (v) => v < 0),
      neutral: share(values, (v) => v === 0),
      positive: share(values, (v) => v > 0),
    },
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    constant: known === null ? null : regressionConstant(known, values),
  };
}

function regressionConstant(train: Float64Array, values: Float64Array): ConstantScore {
  const constant = median(train);
  const polar = values.filter((value) => value !== 0);
  return {
    MAE: values.reduce((sum, value) => sum + Math.abs(value - constant), 0) / values.length,
    Non0_acc_2: polar.length === 0 ? null : share(polar, (v) => v > 0 === constant > 0),
  };
}

function pick({ values }: Label, rows: Int32Array): Float64Array {
  return Float64Array.from(rows, (row) => values[row] as number);
}

function share(values: Float64Array, holds: (value: number) => boolean): number {
  let count = 0;
  for (const value of values) if (holds(value)) count += 1;
  return count / values.length;
}

/** The first of equals. */
function mostFrequentClass(values: Float64Array, classes: readonly string[]): number {
  const counts = classes.map((_, index) => values.filter((value) => value === index).length);
  return counts.indexOf(Math.max(...counts));
}

function median(values: Float64Array): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] as number) + (sorted[Math.floor(middle)] as number)) / 2;
}
