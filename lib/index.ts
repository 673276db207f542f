export { CmirError, ERROR_CODES, type ErrorCode } from './errors';
export {
  configKeys,
  resolveConfig,
  type Config,
  type Environment,
  type NoiseKind,
  type Options,
} from './config';
export {
  Dataset,
  type DatasetFields,
  type Factors,
  type Label,
  type Modality,
  type Split,
} from './data/dataset';
export { loadDataset, type DatasetArrays, type FeatureArrays, type LoadOptions } from './data/load';
export { syntheticDataset, type SyntheticOptions } from './data/synthetic';
export {
  METRICS,
  baselineMetrics,
  computeMetrics,
  type MetricReport,
  type MetricRow,
  type Metrics,
} from './metrics';
export { ops, type Loss, type PerturbOptions, type Tensor } from './ops';
export { doctor, type Diagnosis } from './native/doctor';
export { setup, type SetupOptions } from './native/setup';
export { train, type Run, type RunMetrics, type TrainOptions } from './training/train';
export { loadModel } from './training/load';
export type { Codes, Model, Noise, PredictOptions, Predictions } from './training/model';
export type { EpochRecord } from './training/history';
export type { ProgressReport } from './training/loop';
