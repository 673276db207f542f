import type { Label } from '../dataset';

/** A bar of a histogram: a stretch [from, to) of a quantity, the last with its end; or a class. */
export type HistogramBar =
  | { readonly from: number; readonly to: number; readonly count: number }
  | { readonly class: string; readonly count: number };

/** What is in a label. */
export interface LabelFacts {
  /** Name of the label's column. */
  readonly name: string;
  /** Binary: a classification of two classes. */
  readonly kind: 'regression' | 'binary' | 'classification';
  /** Of classes, their indices. */
  readonly min: number;
  /** Largest value, or last class index. */
  readonly max: number;
  /** Of the values, or of the class indices. */
  readonly mean: number;
  /** From `min` to `max`, or a bar a class. */
  readonly histogram: readonly HistogramBar[];
}

const BARS = 12;

/** Null without labels. */
export function factsOfLabel(label: Label | null): LabelFacts | null {
  if (label === null) return null;
  const { name, task, values, classes } = label;
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  const kind = task === 'regression' ? task : classes?.length === 2 ? 'binary' : task;
  const histogram =
    classes === undefined ? quantityBars(values, min, max) : classBars(values, classes);
  return { name, kind, min, max, mean: sum / values.length, histogram };
}

function classBars(values: Float32Array, classes: readonly string[]): HistogramBar[] {
  const counts = new Float64Array(classes.length);
  for (const value of values) counts[value] = (counts[value] as number) + 1;
  return classes.map((name, index) => ({ class: name, count: counts[index] as number }));
}

function quantityBars(values: Float32Array, min: number, max: number): HistogramBar[] {
  const width = (max - min) / BARS;
  if (!(width > 0)) return [{ from: min, to: max, count: values.length }];
  const counts = new Float64Array(BARS);
  for (const value of values) {
    const bar = Math.min(BARS - 1, Math.floor((value - min) / width));
    counts[bar] = (counts[bar] as number) + 1;
  }
  return Array.from(counts, (count, bar) => ({
    from: min + bar * width,
    to: bar === BARS - 1 ? max : min + (bar + 1) * width,
    count,
  }));
}
