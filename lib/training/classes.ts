import type { Config } from '../config';
import { CmirError } from '../errors';
import type { ModelShape } from './shape';

/**
 * The configuration with `prediction.classWeights` as numbers, one a class: balanced is N / (C count), of the class
 * indices `targets` of the N training examples (scikit-learn's definition). A class without examples gets 1, which
 * nothing asks for. Throws ERR_CMIR_CONFIG where there are no classes, or not as many.
 */
export function decideClassWeights(
  config: Config,
  { task, classes }: ModelShape,
  targets: Float32Array,
): Config {
  const { classWeights } = config.prediction;
  if (classWeights === 'none') return config;
  if (task === 'regression' || classes === null) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `prediction.classWeights: found ${JSON.stringify(classWeights)}, but the labels make it a regression; expected none`,
    );
  }
  if (classWeights !== 'balanced') {
    checkCount(classWeights, classes);
    return config;
  }
  const weights = balancedWeights(targets, classes.length);
  return { ...config, prediction: { ...config.prediction, classWeights: weights } };
}

function checkCount(weights: readonly number[], classes: readonly string[]): void {
  if (weights.length === classes.length) return;
  throw new CmirError(
    'ERR_CMIR_CONFIG',
    `prediction.classWeights: found ${String(weights.length)} weights, expected ${String(classes.length)}, ` +
      `one for each of the classes ${classes.join(', ')}, in this order`,
  );
}

function balancedWeights(targets: Float32Array, classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const target of targets) counts[target] = (counts[target] ?? 0) + 1;
  return counts.map((count) => (count === 0 ? 1 : targets.length / (classes * count)));
}
