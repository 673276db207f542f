import { accuracy, weightedF1 } from './confusion';
import { correlation, meanAbsoluteError, ofClasses, qualified, type Measure } from './measures';
import type { Metric } from './metric';

const LIMIT = 1;

/** The number of cuts below a value: intervals are closed on the right, and float32 decides, as in MMSA's arrays. */
function intervalOf(cuts: readonly number[]): (value: number) => number {
  const edges = cuts.map(Math.fround);
  return (value) => edges.filter((edge) => Math.fround(value) > edge).length;
}

const CUTS_2 = [0];
const CUTS_3 = [-0.1, 0.1];
const CUTS_5 = [-0.7, -0.1, 0.1, 0.7];

/** The measure of both sides clipped to [-1, 1]. */
function clipped(measure: Measure): Measure {
  const clip = (value: number): number => Math.min(Math.max(value, -LIMIT), LIMIT);
  return (p, t) => qualified(measure(p.map(clip), t.map(clip)), 'after the clip to [-1, 1]');
}

function gradeAccuracy(cuts: readonly number[]): Measure {
  return clipped(ofClasses(intervalOf(cuts), cuts.length + 1, accuracy));
}

const COMMON = {
  task: 'regression',
  convention: 'sims',
  source: 'MMSA, src/MMSA/utils/metricsTop.py, SIMS and SIMSv2',
} as const;

/** The metrics reported for SIMS and SIMSv2, whose labels lie in [-1, 1]. */
export const SIMS_METRICS: readonly Metric[] = [
  {
    ...COMMON,
    name: 'Mult_acc_2',
    better: 'higher',
    formula: 'share of equal intervals of clip(p, -1, 1) and clip(t, -1, 1): up to 0, above',
    description: 'Accuracy of positive against not positive.',
    compute: gradeAccuracy(CUTS_2),
  },
  {
    ...COMMON,
    name: 'Mult_acc_3',
    better: 'higher',
    formula:
      'share of equal intervals of clip(p, -1, 1) and clip(t, -1, 1): up to -0.1, up to 0.1, above',
    description: 'Accuracy over negative, neutral and positive.',
    compute: gradeAccuracy(CUTS_3),
  },
  {
    ...COMMON,
    name: 'Mult_acc_5',
    better: 'higher',
    formula:
      'share of equal intervals of clip(p, -1, 1) and clip(t, -1, 1): up to -0.7, -0.1, 0.1, 0.7, above',
    description: 'Accuracy over negative, weakly negative, neutral, weakly positive and positive.',
    compute: gradeAccuracy(CUTS_5),
  },
  {
    ...COMMON,
    name: 'F1_score',
    better: 'higher',
    formula: 'sum_c (support_c / N) F1_c over clip(p, -1, 1) > 0 against clip(t, -1, 1) > 0',
    description: 'F1 of positive against not positive, weighted by the targets’ support.',
    compute: clipped(ofClasses(intervalOf(CUTS_2), 2, weightedF1)),
  },
  {
    ...COMMON,
    name: 'MAE',
    better: 'lower',
    formula: 'mean |clip(p, -1, 1) - clip(t, -1, 1)|',
    description: 'Mean absolute error of the clipped values.',
    compute: clipped(meanAbsoluteError),
  },
  {
    ...COMMON,
    name: 'Corr',
    better: 'higher',
    formula: 'cov(p, t) / (std(p) std(t)) of clip(p, -1, 1) and clip(t, -1, 1)',
    description: 'Pearson correlation of the clipped values.',
    compute: clipped(correlation),
  },
];
