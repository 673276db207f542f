import { computeMetrics, robustBase, type FloatArray, type MetricReport } from '../metrics';
import type { NativeNoise } from '../../binding';
import type { ModelShape } from './shape';

/**
 * The noisy copies of the validation split over which a metric such as `robustMAE` is a mean, beside the clean one:
 * gaussian 0.7 and 1.4, erase 0.5 and 0.7, and, of several modalities, each missing alone. The draws have seed 0 and
 * are the same in every epoch and run, so that scores differ by the model alone.
 */
export function robustNoises(modalities: readonly string[]): NativeNoise[] {
  const all = { seed: 0, modalities: null };
  const missing = modalities.map((name) => [name]);
  return [
    { kind: 'gaussian', intensity: 0.7, ...all },
    { kind: 'gaussian', intensity: 1.4, ...all },
    { kind: 'erase', intensity: 0.5, ...all },
    { kind: 'erase', intensity: 0.7, ...all },
    ...(modalities.length < 2 ? [] : missing).map((names): NativeNoise => ({
      kind: 'modality',
      intensity: 1,
      seed: 0,
      modalities: names,
    })),
  ];
}

/**
 * The clean report, and under `metric`, a name such as `robustMAE`, the mean of MAE over it and robustNoises(): null,
 * with a reason, where one of them is undefined. For any other metric, the report as it is. `predict` is given noise
 * and returns outputs [rows, outputs] for `targets` [rows].
 */
export async function withRobustScore(
  clean: MetricReport,
  metric: string,
  shape: ModelShape,
  targets: FloatArray,
  predict: (noise: NativeNoise) => Promise<FloatArray>,
): Promise<MetricReport> {
  const base = robustBase(metric);
  if (base === undefined) return clean;
  const scores = [scoreOf(clean, base, 'clean')];
  for (const noise of robustNoises(shape.modalities.map(({ name }) => name))) {
    const outputs = await predict(noise);
    const report = computeMetrics(shape.task, outputs, targets, shape.outputs);
    scores.push(scoreOf(report, base, describe(noise)));
  }
  const reason = scores.find((score) => typeof score === 'string');
  if (reason !== undefined) {
    return {
      metrics: { ...clean.metrics, [metric]: null },
      undefined: { ...clean.undefined, [metric]: reason },
    };
  }
  const sum = (scores as number[]).reduce((a, b) => a + b, 0);
  return { ...clean, metrics: { ...clean.metrics, [metric]: sum / scores.length } };
}

/** The metric, or why there is none. */
function scoreOf(report: MetricReport, base: string, set: string): number | string {
  return report.metrics[base] ?? `${base} on ${set}: ${report.undefined[base] ?? 'undefined'}`;
}

function describe({ kind, intensity, modalities }: NativeNoise): string {
  return `${kind} ${String(intensity)}${modalities === null ? '' : ` on ${modalities.join('+')}`}`;
}
