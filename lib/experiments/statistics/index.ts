export {
  bootstrapMean,
  pairedBootstrap,
  type BootstrapInterval,
  type BootstrapOptions,
  type PairedBootstrap,
} from './bootstrap';
export { bootstrapMetric, type ModelPair } from './bootstrap-metric';
export { mean, standardDeviation, type Values } from './describe';
export { holm } from './holm';
export { definedPairs, type Pairs } from './pairs';
export { pairedTTest, type PairedTTest } from './t-test';
export { wilcoxonSignedRank, type WilcoxonTest } from './wilcoxon';
