export {
  bootstrapMean,
  pairedBootstrap,
  type BootstrapInterval,
  type BootstrapOptions,
  type PairedBootstrap,
} from './bootstrap';
export { mean, standardDeviation, type Values } from './describe';
export { holm } from './holm';
export { definedPairs, type Pairs } from './pairs';
export { pairedTTest, type PairedTTest } from './t-test';
export { wilcoxonSignedRank, type WilcoxonTest } from './wilcoxon';
