import { isShare } from '../format';

/** Axis of a metric: shares in percent. */
export function metricAxis(metric: string, axis: object = {}) {
  return {
    title: metric,
    scale: { zero: false, nice: true },
    axis: { ...(isShare(metric) ? { format: '.0%' } : {}), ...axis },
  };
}

/** How a tooltip writes a value of a metric. */
export function metricFormat(metric: string): string {
  return isShare(metric) ? '.1%' : '.4~g';
}
