import type { ChartSpec } from '../figure';
import { DIVERGING } from '../theme';
import { colourBy, faint, pick, shapeBy } from './scales';

export interface ProjectionAxes {
  readonly x: string;
  readonly y: string;
  /** Name of the label. */
  readonly label: string;
  /** Null where labels are numbers. */
  readonly classes: readonly string[] | null;
}

/** Rows: x, y, label. A point an example in the plane of the two main directions, coloured by its label. */
export function projectionChart({ x, y, label, classes }: ProjectionAxes): ChartSpec {
  const scale = { zero: false, nice: true };
  const axis = { labels: false, ticks: false, grid: false };
  return {
    encoding: {
      x: { field: 'x', type: 'quantitative', title: x, scale, axis },
      y: { field: 'y', type: 'quantitative', title: y, scale, axis },
      tooltip: [
        classes === null
          ? { field: 'label', title: label, type: 'quantitative', format: '.3~f' }
          : { field: 'label', title: label },
      ],
    },
    layer: [classes === null ? numberLayer(label) : classLayer(classes)],
  };
}

function numberLayer(label: string): ChartSpec['layer'][number] {
  return {
    mark: { type: 'circle', size: 26, opacity: 0.75, aria: false },
    encoding: {
      color: {
        field: 'label',
        type: 'quantitative',
        title: label,
        scale: { range: [...DIVERGING], interpolate: 'rgb' },
        legend: {
          type: 'symbol',
          symbolType: 'circle',
          symbolOpacity: 1,
          format: '.2~f',
          direction: 'horizontal',
        },
      },
    },
  };
}

function classLayer(classes: readonly string[]): ChartSpec['layer'][number] {
  return {
    params: pick('label'),
    mark: { type: 'point', filled: true, size: 30, aria: false },
    encoding: {
      color: colourBy('label', classes),
      shape: shapeBy('label', classes),
      opacity: faint(0.8),
    },
  };
}
