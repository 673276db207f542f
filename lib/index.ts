export { CmirError, ERROR_CODES, type ErrorCode } from './errors';
export {
  configKeys,
  resolveConfig,
  type CommonLadder,
  type Config,
  type Environment,
  type NoiseKind,
  type Options,
} from './config';
export {
  Dataset,
  type DatasetFields,
  type Factors,
  type FileValues,
  type Label,
  type LazyTexts,
  type Modality,
  type Split,
} from './data/dataset';
export { loadDataset, type DatasetArrays, type FeatureArrays, type LoadOptions } from './data/load';
export {
  inspectDataset,
  type HistogramBar,
  type Inspection,
  type LabelFacts,
  type ModalityFacts,
} from './data/inspect';
export {
  splitDataset,
  type ConstantScore,
  type FoldSplitOptions,
  type GroupSplitOptions,
  type ProbeScores,
  type RandomSplitOptions,
  type SplitDataset,
  type SplitMethod,
  type SplitOptions,
  type SplitReport,
  type SplitSummaries,
  type SplitSummary,
  type WordSplitOptions,
  type WordsReport,
} from './data/split';
export { writeBlocks, writeDataset, type WriteFormat, type WriteOptions } from './data/write';
export {
  syntheticChunks,
  syntheticDataset,
  type SequenceLength,
  type SyntheticOptions,
} from './data/synthetic';
export {
  METRICS,
  baselineMetrics,
  computeMetrics,
  type Baseline,
  type FloatArray,
  type MetricReport,
  type MetricRow,
  type Metrics,
} from './metrics';
export { ops, type Loss, type PerturbOptions, type Tensor } from './ops';
export { doctor, type Diagnosis, type DoctorOptions, type Engine } from './native/doctor';
export type { Libtorch, LibtorchSource } from './native/libtorch';
export type { Problem } from './native/problem';
export { setup, type SetupOptions } from './native/setup';
export {
  train,
  type Reasons,
  type Run,
  type RunMetrics,
  type TrainOptions,
} from './training/train';
export { loadModel } from './training/load';
export type {
  Codes,
  Model,
  ModelState,
  Noise,
  PredictOptions,
  Predictions,
} from './training/model';
export type { EpochRecord } from './training/history';
export type { ProgressReport } from './training/loop';
export type { ModalityShape, ModelShape } from './training/shape';
export { makeReport, type Report, type ReportFigure, type ReportOptions } from './report';
