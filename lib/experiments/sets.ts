/** Noise on a test set: the kinds of the sweep noise-v1 (docs/method.md). */
export interface NoiseSpec {
  readonly kind: string;
  /** Standard deviations (gaussian, laplace) or probability. */
  readonly level: number;
  /** Names of the modalities it is on; null: all. */
  readonly modalities: readonly string[] | null;
}

/** The name of a test set under noise: gaussian:0.7, erase:0.5@text, modality:1@audio+vision. */
export function noiseName({ kind, level, modalities }: NoiseSpec): string {
  const on = modalities === null ? '' : `@${modalities.join('+')}`;
  return `${kind}:${String(level)}${on}`;
}
