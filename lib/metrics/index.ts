export { baselineMetrics, type Baseline } from './baseline';
export { computeMetrics, metricDirection, METRICS } from './compute';
export type { FloatArray, MetricReport, MetricRow, Metrics } from './metric';
export { roundHalfEven } from './regression';
