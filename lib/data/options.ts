/** What a reader is asked for; the defaults suit training. */
export interface LoadOptions {
  /** Label column; null looks for label, sentiment, emotion, humor, sarcasm, in this order. */
  readonly label?: string | null | undefined;
  /** `auto` decides from the labels: see makeLabel. */
  readonly task?: 'auto' | 'regression' | 'classification' | undefined;
  /** NaN and infinity in features: refuse (default), or keep them: the engine takes the mean in their place. */
  readonly nonFinite?: 'error' | 'mean' | undefined;
  /** False, for prediction, takes a source without labels, or with an empty label cell, as unlabelled. */
  readonly requireLabel?: boolean | undefined;
  /** False, for evaluation, needs neither a train split nor two values of its label. Default: requireLabel. */
  readonly requireTrain?: boolean | undefined;
  /** Class names of a trained model: labels become indices into them, any other label is an error. */
  readonly classes?: readonly string[] | undefined;
  /** Ends the reading of a file before its next chunk, with ERR_CMIR_ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

export interface ResolvedLoadOptions {
  readonly label: string | null;
  readonly task: 'auto' | 'regression' | 'classification';
  readonly nonFinite: 'error' | 'mean';
  readonly requireLabel: boolean;
  readonly requireTrain: boolean;
  readonly classes: readonly string[] | null;
  readonly signal: AbortSignal | undefined;
}

export function resolveLoadOptions(options: LoadOptions = {}): ResolvedLoadOptions {
  const requireLabel = options.requireLabel ?? true;
  return {
    label: options.label ?? null,
    task: options.task ?? 'auto',
    nonFinite: options.nonFinite ?? 'error',
    requireLabel,
    requireTrain: options.requireTrain ?? requireLabel,
    classes: options.classes ?? null,
    signal: options.signal,
  };
}
