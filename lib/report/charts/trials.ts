import type { ChartSpec } from '../figure';
import { metricAxis, metricFormat } from './axis';
import { colourBy, INK, shapeBy } from './scales';

/** What a setting's axis is like. */
export type TrialAxis = 'trial' | 'number' | 'log' | 'name';

export interface TrialAxes {
  readonly metric: string;
  /** Of the setting's axis. */
  readonly title: string;
  readonly kind: TrialAxis;
}

/**
 * Rows: x, score, state, best (the best score so far; of a trial axis alone). A point a trial. Settings that have
 * names stand on the vertical axis, where there is room for long ones.
 */
export function trialChart(
  { metric, title, kind }: TrialAxes,
  states: readonly string[],
): ChartSpec {
  const score = { field: 'score', type: 'quantitative' as const, ...metricAxis(metric) };
  const points: ChartSpec['layer'][number] = {
    mark: { type: 'point', filled: true, size: 45, opacity: 0.85, aria: false },
    encoding: {
      ...(kind === 'name' ? { x: score, y: nameAxis() } : { x: numberAxis(title, kind), y: score }),
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
    encoding: {
      x: numberAxis(title, kind),
      y: { field: 'best', type: 'quantitative' },
    },
  };
  return { layer: kind === 'trial' ? [best, points] : [points] };
}

function numberAxis(title: string, kind: TrialAxis) {
  return {
    field: 'x',
    title,
    type: 'quantitative' as const,
    scale: kind === 'log' ? { type: 'log' as const } : { zero: false },
    axis: kind === 'log' ? { format: '~g' } : {},
  };
}

/** The chart's title says what the names are of. */
function nameAxis() {
  const axis = { labelLimit: 200, grid: true, domain: false, ticks: false };
  return { field: 'x', title: null, type: 'nominal' as const, sort: null, axis };
}
