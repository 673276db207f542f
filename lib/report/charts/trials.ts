import type { ChartSpec } from '../figure';
import { metricAxis, metricFormat } from './axis';
import { colourBy, INK, shapeBy } from './scales';

/** How the horizontal axis of trials reads. */
export type TrialAxis = 'trial' | 'number' | 'log' | 'name';

export interface TrialAxes {
  readonly metric: string;
  /** Of the horizontal axis. */
  readonly title: string;
  readonly kind: TrialAxis;
}

/** Rows: x, score, state, best (the best score so far; of a trial axis alone). A point a trial. */
export function trialChart(
  { metric, title, kind }: TrialAxes,
  states: readonly string[],
): ChartSpec {
  const x = {
    field: 'x',
    title,
    ...(kind === 'name'
      ? { type: 'nominal' as const, sort: null, axis: { labelAngle: -20, labelLimit: 150 } }
      : {
          type: 'quantitative' as const,
          scale: kind === 'log' ? { type: 'log' as const } : { zero: false },
          axis: kind === 'log' ? { format: '~g' } : {},
        }),
  };
  const points: ChartSpec['layer'][number] = {
    mark: { type: 'point', filled: true, size: 45, opacity: 0.85, aria: false },
    encoding: {
      y: { field: 'score', type: 'quantitative', ...metricAxis(metric) },
      color: colourBy('state', states),
      shape: shapeBy('state', states),
      tooltip: [
        { field: 'trial', title: 'trial' },
        { field: 'x', title },
        { field: 'score', title: metric, type: 'quantitative', format: metricFormat(metric) },
        { field: 'state', title: 'ended' },
      ],
    },
  };
  const best: ChartSpec['layer'][number] = {
    mark: { type: 'line', interpolate: 'step-after', strokeWidth: 1.5, color: INK, aria: false },
    encoding: { y: { field: 'best', type: 'quantitative' } },
  };
  return { encoding: { x }, layer: kind === 'trial' ? [best, points] : [points] };
}
