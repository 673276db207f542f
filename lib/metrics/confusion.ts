/** Counts of examples by class, for accuracy and F1 as scikit-learn defines them. */
export interface Confusion {
  readonly total: number;
  readonly correct: number;
  /** Targets of each class. */
  readonly support: Float64Array;
  /** Predictions of each class. */
  readonly predicted: Float64Array;
  /** Examples of each class that are predicted as it. */
  readonly hits: Float64Array;
}

/** `predictions` and `targets` are class indices in [0, classes), one an example. */
export function confusionOf(
  predictions: ArrayLike<number>,
  targets: ArrayLike<number>,
  classes: number,
): Confusion {
  const support = new Float64Array(classes);
  const predicted = new Float64Array(classes);
  const hits = new Float64Array(classes);
  let correct = 0;
  for (let index = 0; index < targets.length; index += 1) {
    const prediction = predictions[index] as number;
    const target = targets[index] as number;
    support[target] = (support[target] as number) + 1;
    predicted[prediction] = (predicted[prediction] as number) + 1;
    if (prediction === target) {
      hits[target] = (hits[target] as number) + 1;
      correct += 1;
    }
  }
  return { total: targets.length, correct, support, predicted, hits };
}

export function accuracy({ correct, total }: Confusion): number {
  return correct / total;
}

/** sum_c (support_c / N) F1_c, with the support of the targets. */
export function weightedF1(confusion: Confusion): number {
  const { support, total } = confusion;
  return support.reduce((sum, count, c) => sum + (count / total) * f1(confusion, c), 0);
}

/** sum_c (predicted_c / N) F1_c: weightedF1 with targets and predictions swapped, as scikit-learn gives it then. */
export function predictedF1(confusion: Confusion): number {
  const { support, predicted } = confusion;
  return weightedF1({ ...confusion, support: predicted, predicted: support });
}

/** Mean of F1_c over the classes that occur in the targets or in the predictions. */
export function macroF1(confusion: Confusion): number {
  const { support, predicted } = confusion;
  const present = [...support.keys()].filter((c) => support[c] !== 0 || predicted[c] !== 0);
  return present.reduce((sum, c) => sum + f1(confusion, c), 0) / present.length;
}

/** 2 hits / (support + predicted); 0 for a class that occurs in neither. */
function f1({ hits, support, predicted }: Confusion, c: number): number {
  const both = (support[c] as number) + (predicted[c] as number);
  return both === 0 ? 0 : (2 * (hits[c] as number)) / both;
}
