import type { Modality } from '../../lib/data/dataset';

/** Statistics of a modality's features, one of each a feature. */
export interface Normalizer {
  readonly mean: Float32Array;
  readonly std: Float32Array;
}

/**
 * The engine's normaliser as one writes it first, to compare with: mean and population standard deviation of each feature over `rows`, non-finite values left out.
 * A feature that is constant (or never finite: mean 0) gets 1 as its deviation. Welford's algorithm in float64:
 * one pass, and no cancellation where the mean is large beside the deviation.
 */
export function fitNormalizer({ features, values }: Modality, rows: Int32Array): Normalizer {
  const count = new Float64Array(features);
  const mean = new Float64Array(features);
  const squares = new Float64Array(features);
  for (const row of rows) {
    for (let feature = 0; feature < features; feature += 1) {
      const value = values[row * features + feature] as number;
      if (!Number.isFinite(value)) continue;
      const seen = (count[feature] as number) + 1;
      const before = value - (mean[feature] as number);
      const moved = (mean[feature] as number) + before / seen;
      count[feature] = seen;
      mean[feature] = moved;
      squares[feature] = (squares[feature] as number) + before * (value - moved);
    }
  }
  const std = Float32Array.from(squares, (sum, feature) =>
    Math.sqrt(sum / (count[feature] as number)),
  );
  // NaN where nothing was finite; 0 also where float32 cannot hold the deviation.
  return { mean: Float32Array.from(mean), std: std.map((value) => (value > 0 ? value : 1)) };
}
