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
export * as statistics from './experiments/statistics';
export { compare, type CompareOptions } from './experiments/compare';
export {
  methodSensitivity,
  type MethodSensitivityOptions,
} from './experiments/compare/sensitivity';
export type { ProbeShares } from './experiments/compare/run';
export {
  countCost,
  meanFrames,
  measureLatency,
  type CountedCost,
  type Latency,
  type LatencyOptions,
  type MeanFrames,
} from './experiments/cost';
export { findMethod, METHODS, type Method } from './experiments/methods';
export {
  independentFactors,
  meanProbes,
  probeModel,
  type ProbeOptions,
} from './experiments/probes';
export { robustnessOfRuns, type RunSweepOptions } from './experiments/runs';
export {
  robustness,
  type Robustness,
  type RobustnessOptions,
  type SweepProgress,
} from './experiments/robustness';
export {
  fullSets,
  parseSet,
  standardSets,
  sweepSets,
  type NoiseSpec,
  type SweepOptions,
} from './experiments/sets';
export { search, type SearchOptions } from './experiments/search';
export {
  SENSITIVITY_SETTINGS,
  sensitivity,
  type SensitivityOptions,
  type SensitivityResult,
  type SensitivitySetting,
} from './experiments/sensitivity';
export { parseSpace, type Range, type Space } from './experiments/space';
export type {
  AreaRow,
  BaselineRow,
  Comparison,
  Cost,
  EvaluationSet,
  ProbeRow,
  Provenance,
  ResultRow,
  SearchResult,
  SensitivityRow,
  Sweep,
  Trial,
} from './experiments/results';
export {
  CONVENTIONS,
  METRICS,
  baselineMetrics,
  computeConventions,
  computeMetrics,
  roundMetric,
  type Baseline,
  type Convention,
  type FloatArray,
  type MetricOptions,
  type MetricReport,
  type MetricRow,
  type Metrics,
} from './metrics';
export { ops, type Loss, type PerturbOptions, type Tensor } from './ops';
export { doctor, type Diagnosis, type DoctorOptions, type Engine } from './native/doctor';
export type { Libtorch, LibtorchSource } from './native/libtorch';
export type { Problem } from './native/problem';
export type { LibtorchOptions } from './native/fetch/index';
export { setup, type SetupOptions } from './native/setup';
export { trainEpochs, type Epochs } from './training/epochs';
export { train, type Run, type TrainOptions } from './training/train';
export type { Reasons, RunMetrics } from './training/evaluation';
export { loadModel } from './training/load';
export type { Codes, Model, ModelState, PredictOptions, Predictions } from './training/model';
export { EVALUATION_KINDS, type EvaluationNoiseKind, type Noise } from './training/noise';
export type { EpochRecord } from './training/history';
export type { ProgressReport } from './training/loop';
export type { ModalityShape, ModelShape } from './training/shape';
export { makeReport, type Report, type ReportFigure, type ReportOptions } from './report';
export {
  EXPORT_FORMATS,
  exportModel,
  type Exported,
  type ExportFormat,
  type ExportOptions,
} from './export';
