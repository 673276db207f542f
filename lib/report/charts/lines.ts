import type { ChartSpec } from '../figure';
import { colourBy, dashBy, faint, pick } from './scales';

export interface EpochAxis {
  readonly title: string;
  readonly percent?: boolean;
  /** Every value is above 0 then. */
  readonly log?: boolean;
}

/** Rows: epoch, method, value. A line a method; the point marks the epoch that was chosen (`best`). */
export function epochChart(
  { title, percent = false, log = false }: EpochAxis,
  methods: readonly string[],
): ChartSpec {
  const format = percent ? '.1%' : '.4~g';
  return {
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        title: 'epoch',
        axis: { format: 'd', tickMinStep: 1 },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title,
        scale: log ? { type: 'log', nice: false } : { zero: false },
        // A grid of every tick would be dense.
        axis: { ...(percent ? { format: '.0%' } : {}), grid: !log },
      },
      color: colourBy('method', methods, 'stroke'),
      tooltip: [
        { field: 'method', title: 'method' },
        { field: 'epoch', title: 'epoch' },
        { field: 'value', title, type: 'quantitative', format },
      ],
    },
    layer: [
      {
        params: pick('method'),
        mark: { type: 'line', strokeWidth: 1.8, aria: false },
        encoding: { strokeDash: dashBy('method', methods), opacity: faint(1) },
      },
      {
        transform: [{ filter: 'datum.best' }],
        mark: { type: 'point', filled: true, size: 70, aria: false },
        encoding: { opacity: faint(1) },
      },
    ],
  };
}
