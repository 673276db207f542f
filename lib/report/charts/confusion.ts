import type { ChartSpec } from '../figure';
import { PALETTE } from '../theme';
import { INK } from './scales';

/** Rows: target, predicted, count, share (of the target's examples). A darker cell is a larger share. */
export function confusionChart(classes: readonly string[]): ChartSpec {
  const axis = { domain: false, ticks: false, labelLimit: 110, grid: false, labelPadding: 6 };
  return {
    encoding: {
      x: {
        field: 'predicted',
        type: 'nominal',
        sort: [...classes],
        title: 'predicted class',
        axis: { ...axis, labelAngle: classes.join('').length > 24 ? -40 : 0, labelOverlap: false },
      },
      y: { field: 'target', type: 'nominal', sort: [...classes], title: 'true class', axis },
      tooltip: [
        { field: 'target', title: 'true class' },
        { field: 'predicted', title: 'predicted class' },
        { field: 'count', title: 'examples', type: 'quantitative' },
        { field: 'share', title: 'of the true class', type: 'quantitative', format: '.1%' },
      ],
    },
    layer: [
      {
        mark: { type: 'rect', color: PALETTE[1]?.light ?? '', aria: false },
        encoding: {
          fillOpacity: {
            field: 'share',
            type: 'quantitative',
            scale: { domain: [0, 1], range: [0.04, 0.6] },
            legend: null,
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 12, color: INK, aria: false },
        encoding: { text: { field: 'count', type: 'quantitative', format: ',d' } },
      },
    ],
  };
}
