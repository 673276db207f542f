import { accuracy, predictedF1, weightedF1, type Confusion } from './confusion';
import { correlation, gradeOf, meanAbsoluteError, ofClasses, onNonZero } from './measures';
import type { Convention, Metric } from './metric';

/** A metric of MOSI and MOSEI, whoever's. */
type Definition = Omit<Metric, 'task' | 'convention' | 'source'>;

const atLeast0 = (value: number): number => Number(value >= 0);
const above0 = (value: number): number => Number(value > 0);

const HAS0_ACC: Definition = {
  name: 'Has0_acc_2',
  better: 'higher',
  formula: 'share of (p >= 0) = (t >= 0)',
  description: 'Accuracy of negative against not negative, all examples.',
  compute: ofClasses(atLeast0, 2, accuracy),
};
const HAS0_F1: Definition = {
  name: 'Has0_F1_score',
  better: 'higher',
  formula: 'sum_c (support_c / N) F1_c over p >= 0 against t >= 0',
  description: 'F1 of negative against not negative, weighted by the targets’ support.',
  compute: ofClasses(atLeast0, 2, weightedF1),
};
const NON0_ACC: Definition = {
  name: 'Non0_acc_2',
  better: 'higher',
  formula: 'share of (p > 0) = (t > 0) where t != 0',
  description: 'Accuracy of positive against not positive, neutral targets left out.',
  compute: onNonZero(ofClasses(above0, 2, accuracy)),
};
const NON0_F1: Definition = {
  name: 'Non0_F1_score',
  better: 'higher',
  formula: 'sum_c (support_c / N) F1_c over p > 0 against t > 0 where t != 0',
  description:
    'F1 of positive against not positive, neutral targets left out, weighted by the targets’ support.',
  compute: onNonZero(ofClasses(above0, 2, weightedF1)),
};
const ACC_5: Definition = {
  name: 'Mult_acc_5',
  better: 'higher',
  formula: 'share of round(clip(p, -2, 2)) = round(clip(t, -2, 2)), halves to even',
  description: 'Accuracy over the five grades -2 to 2.',
  compute: ofClasses(gradeOf(2), 5, accuracy),
};
const ACC_7: Definition = {
  name: 'Mult_acc_7',
  better: 'higher',
  formula: 'share of round(clip(p, -3, 3)) = round(clip(t, -3, 3)), halves to even',
  description: 'Accuracy over the seven grades -3 to 3.',
  compute: ofClasses(gradeOf(3), 7, accuracy),
};
const MAE: Definition = {
  name: 'MAE',
  better: 'lower',
  formula: 'mean |p - t|',
  description: 'Mean absolute error, in the unit of the label.',
  compute: meanAbsoluteError,
};
const CORR: Definition = {
  name: 'Corr',
  better: 'higher',
  formula: 'cov(p, t) / (std(p) std(t))',
  description: 'Pearson correlation of predictions and targets.',
  compute: correlation,
};

/** Of the predictions that are not negative, as all that descends from MAG counts: 0 is positive. */
const NON0_ACC_FROM_0: Definition = {
  ...NON0_ACC,
  formula: 'share of (p >= 0) = (t >= 0) where t != 0',
  description: 'Accuracy of negative against not negative, neutral targets left out.',
  compute: onNonZero(ofClasses(atLeast0, 2, accuracy)),
};
const NON0_F1_FROM_0: Definition = {
  ...NON0_F1,
  formula: 'sum_c (support_c / N) F1_c over p >= 0 against t >= 0 where t != 0',
  description:
    'F1 of negative against not negative, neutral targets left out, weighted by the targets’ support.',
  compute: onNonZero(ofClasses(atLeast0, 2, weightedF1)),
};
const NON0_MAE: Definition = {
  ...MAE,
  formula: 'mean |p - t| where t != 0',
  description: 'Mean absolute error, neutral targets left out.',
  compute: onNonZero(meanAbsoluteError),
};
const NON0_CORR: Definition = {
  ...CORR,
  formula: 'cov(p, t) / (std(p) std(t)) where t != 0',
  description: 'Pearson correlation of predictions and targets, neutral targets left out.',
  compute: onNonZero(correlation),
};

/** F1 with its arguments swapped. */
function legacy(
  definition: Definition,
  of: (share: (confusion: Confusion) => number) => Definition['compute'],
): Definition {
  return {
    ...definition,
    formula: definition.formula.replace('support_c', 'predicted_c'),
    description: definition.description.replace('targets’ support', 'predictions’ counts'),
    compute: of(predictedF1),
  };
}
const HAS0_F1_LEGACY = legacy(HAS0_F1, (share) => ofClasses(atLeast0, 2, share));
const NON0_F1_LEGACY = legacy(NON0_F1, (share) => onNonZero(ofClasses(above0, 2, share)));

function table(
  convention: Convention,
  source: string,
  definitions: readonly Definition[],
): readonly Metric[] {
  return definitions.map((definition) => ({
    ...definition,
    task: 'regression',
    convention,
    source,
  }));
}

/** The metrics reported for MOSI and MOSEI, a convention after the other. */
export const REGRESSION_METRICS: readonly Metric[] = [
  ...table('mmsa', 'MMSA, src/MMSA/utils/metricsTop.py, MOSI and MOSEI', [
    ...[HAS0_ACC, HAS0_F1, NON0_ACC, NON0_F1],
    ...[ACC_5, ACC_7, MAE, CORR],
  ]),
  ...table('f1Legacy', 'MMSA before commit cb5e0bd of April 2021; MISA, src/solver.py', [
    ...[HAS0_ACC, HAS0_F1_LEGACY, NON0_ACC, NON0_F1_LEGACY],
    ...[ACC_5, ACC_7, MAE, CORR],
  ]),
  ...table('ithp', 'ITHP, train.py; so do MIB and MCL', [
    ...[NON0_ACC_FROM_0, NON0_F1_FROM_0, NON0_MAE, NON0_CORR],
  ]),
  ...table('gal', 'GAL (Guided-Attention-Learning), main_clean.py', [
    ...[NON0_ACC_FROM_0, NON0_F1_FROM_0, ACC_7, MAE, CORR],
  ]),
];
