export { baselineMetrics, type Baseline } from './baseline';
export { computeMetrics, metricDirection, METRICS, robustBase } from './compute';
export type { FloatArray, MetricReport, MetricRow, Metrics } from './metric';
export { roundHalfEven } from './regression';
