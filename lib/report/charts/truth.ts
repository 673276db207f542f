import type { ChartSpec } from '../figure';
import { PALETTE } from '../theme';
import { AXIS_LINE } from './scales';

/** Rows: target, predicted. A point an example; the line is where both are equal. */
export function truthChart([low, high]: readonly [number, number]): ChartSpec {
  const scale = { domain: [low, high], nice: true, zero: false };
  const ends = [
    { target: low, predicted: low },
    { target: high, predicted: high },
  ];
  const x = { field: 'target', type: 'quantitative' as const, title: 'true value', scale };
  const y = { field: 'predicted', type: 'quantitative' as const, title: 'predicted value', scale };
  return {
    encoding: { x, y },
    layer: [
      {
        data: { values: ends },
        mark: { type: 'line', strokeWidth: 1.5, aria: false, ...AXIS_LINE },
      },
      {
        mark: {
          type: 'circle',
          size: 22,
          opacity: 0.55,
          color: PALETTE[1]?.light ?? '',
          aria: false,
        },
        encoding: {
          tooltip: [
            { field: 'target', title: 'true value', type: 'quantitative', format: '.3~f' },
            { field: 'predicted', title: 'predicted value', type: 'quantitative', format: '.3~f' },
          ],
        },
      },
    ],
  };
}
