import type { ChartSpec } from '../figure';
import { metricAxis, metricFormat } from './axis';
import { colourBy, faint, pick, shapeBy } from './scales';

/** Rows: set, method, mean, low, high. A line a set, in it a point with its interval a method. */
export function intervalChart(
  metric: string,
  sets: readonly string[],
  methods: readonly string[],
): ChartSpec {
  const format = metricFormat(metric);
  return {
    encoding: {
      y: {
        field: 'set',
        type: 'nominal',
        sort: [...sets],
        title: null,
        axis: { domain: false, ticks: false, labelLimit: 190, labelPadding: 8, grid: false },
        scale: { paddingInner: 0.35, paddingOuter: 0.15 },
      },
      yOffset: { field: 'method', type: 'nominal', sort: [...methods] },
      color: colourBy('method', methods),
      tooltip: [
        { field: 'set', title: 'test set' },
        { field: 'method', title: 'method' },
        { field: 'mean', title: metric, type: 'quantitative', format },
        { field: 'low', title: 'from', type: 'quantitative', format },
        { field: 'high', title: 'to', type: 'quantitative', format },
      ],
    },
    layer: [
      {
        params: pick('method'),
        mark: { type: 'rule', strokeWidth: 2, aria: false },
        encoding: {
          x: {
            field: 'low',
            type: 'quantitative',
            ...metricAxis(metric, { grid: true }),
          },
          x2: { field: 'high' },
          opacity: faint(1),
        },
      },
      {
        mark: { type: 'point', filled: true, size: 80, aria: false },
        encoding: {
          x: { field: 'mean', type: 'quantitative' },
          shape: shapeBy('method', methods),
          opacity: faint(1),
        },
      },
    ],
  };
}

/** In pixels: every method has a line of its own. */
export function intervalHeight(sets: number, methods: number): number {
  return sets * (methods * 15 + 14);
}
