import type { ChartSpec } from '../figure';
import { metricAxis, metricFormat } from './axis';
import { colourBy, dashBy, faint, pick } from './scales';

export interface CurveAxes {
  /** Title of the horizontal axis. */
  readonly x: string;
  readonly metric: string;
  /** Logarithmic horizontal axis; every value is above 0 then. */
  readonly log?: boolean;
  /** Where the horizontal axis has its numbers; by default at round ones. */
  readonly ticks?: readonly number[];
}

/** Rows: x, series, mean, low, high. A line a series with the band from low to high. */
export function curveChart(
  { x, metric, log = false, ticks }: CurveAxes,
  series: readonly string[],
): ChartSpec {
  const format = metricFormat(metric);
  return {
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: x,
        scale: log ? { type: 'log', nice: false } : { nice: false },
        axis: { format: '~g', ...(ticks === undefined ? {} : { values: [...ticks] }) },
      },
      color: colourBy('series', series, 'stroke'),
      tooltip: [
        { field: 'series', title: ' ' },
        { field: 'x', title: x, type: 'quantitative', format: '~g' },
        { field: 'mean', title: metric, type: 'quantitative', format },
        { field: 'low', title: 'from', type: 'quantitative', format },
        { field: 'high', title: 'to', type: 'quantitative', format },
      ],
    },
    layer: [
      {
        params: pick('series'),
        transform: [{ filter: 'datum.low !== null' }],
        mark: { type: 'area', aria: false },
        encoding: {
          y: { field: 'low', type: 'quantitative', ...metricAxis(metric) },
          y2: { field: 'high' },
          opacity: faint(0.16),
        },
      },
      {
        mark: { type: 'line', strokeWidth: 2, aria: false },
        encoding: {
          y: { field: 'mean', type: 'quantitative' },
          strokeDash: dashBy('series', series),
          opacity: faint(1),
        },
      },
      {
        mark: { type: 'point', filled: true, size: 26, aria: false },
        encoding: { y: { field: 'mean', type: 'quantitative' }, opacity: faint(1) },
      },
    ],
  };
}
