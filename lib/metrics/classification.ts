import { accuracy, confusionOf, macroF1, weightedF1, type Confusion } from './confusion';
import type { FloatArray, Metric } from './metric';

const COMMON = { task: 'classification', convention: null, better: 'higher' } as const;

export const CLASSIFICATION_METRICS: readonly Metric[] = [
  {
    ...COMMON,
    name: 'Acc',
    formula: 'share of argmax(p) = t',
    source: 'scikit-learn, accuracy_score',
    description: 'Share of examples whose class is predicted.',
    compute: ofLargest(accuracy),
  },
  {
    ...COMMON,
    name: 'F1_score',
    formula: 'sum_c (support_c / N) F1_c',
    source: "scikit-learn, f1_score(average='weighted', zero_division=0)",
    description: 'F1 of each class, weighted by the targets’ support.',
    compute: ofLargest(weightedF1),
  },
  {
    ...COMMON,
    name: 'Macro_F1_score',
    formula: 'mean of F1_c over the classes in targets or predictions',
    source: "scikit-learn, f1_score(average='macro', zero_division=0)",
    description: 'F1 of each class, every class counting the same.',
    compute: ofLargest(macroF1),
  },
];

function ofLargest(share: (confusion: Confusion) => number): Metric['compute'] {
  return (logits, targets, classes) => share(classConfusion(logits, targets, classes));
}

/** Confusion of the largest logit of each row [rows, classes], the first of equals, with the class indices `targets`. */
function classConfusion(logits: FloatArray, targets: FloatArray, classes: number): Confusion {
  const predictions = Int32Array.from(targets, (_, row) => largest(logits, row * classes, classes));
  return confusionOf(predictions, targets, classes);
}

function largest(values: FloatArray, start: number, count: number): number {
  let best = 0;
  for (let index = 1; index < count; index += 1) {
    if ((values[start + index] as number) > (values[start + best] as number)) best = index;
  }
  return best;
}
