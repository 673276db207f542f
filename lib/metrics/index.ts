export { baselineMetrics, type Baseline } from './baseline';
export {
  computeConventions,
  computeMetric,
  computeMetrics,
  metricDirection,
  metricNames,
  METRICS,
  robustBase,
  type MetricOptions,
} from './compute';
export { CONVENTIONS } from './metric';
export type { Convention, FloatArray, MetricReport, MetricRow, Metrics } from './metric';
export { roundHalfEven, roundMetric } from './rounding';
