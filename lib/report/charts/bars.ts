import type { ChartSpec } from '../figure';
import { metricFormat } from './axis';
import { colourBy, faint, INK, pick } from './scales';

/** Rows: group, series, mean, low, high. Bars from zero, with their intervals where there are any. */
export function barChart(
  metric: string,
  title: string,
  groups: readonly string[],
  series: readonly string[],
): ChartSpec {
  const format = metricFormat(metric);
  const percent = format.endsWith('%');
  return {
    encoding: {
      y: {
        field: 'group',
        type: 'nominal',
        sort: [...groups],
        title: null,
        axis: { domain: false, ticks: false, labelLimit: 190, labelPadding: 8, grid: false },
        scale: { paddingInner: 0.3, paddingOuter: 0.15 },
      },
      yOffset: {
        field: 'series',
        type: 'nominal',
        sort: [...series],
        scale: { paddingInner: 0.15 },
      },
      tooltip: [
        { field: 'group', title: ' ' },
        { field: 'series', title: ' ' },
        { field: 'mean', title, type: 'quantitative', format },
        { field: 'low', title: 'from', type: 'quantitative', format },
        { field: 'high', title: 'to', type: 'quantitative', format },
      ],
    },
    layer: [
      {
        params: pick('series'),
        mark: { type: 'bar', aria: false },
        encoding: {
          x: {
            field: 'mean',
            type: 'quantitative',
            title,
            axis: { ...(percent ? { format: '.0%' } : {}), grid: true },
          },
          color: colourBy('series', series),
          opacity: faint(1),
        },
      },
      {
        transform: [{ filter: 'datum.low !== null' }],
        mark: { type: 'rule', strokeWidth: 1.5, color: INK, aria: false },
        encoding: { x: { field: 'low', type: 'quantitative' }, x2: { field: 'high' } },
      },
    ],
  };
}

/** In pixels. */
export function barHeight(groups: number, series: number): number {
  return groups * (series * 15 + 10) + 6;
}
