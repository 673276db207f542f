import type { NoiseSpec } from './sets';

/**
 * What experiments put out: JSON of this form on standard output and in result folders, read again by the report.
 * `cmir compare --json` prints a Comparison, `cmir robustness --json` a Sweep.
 */

/** One metric of one method on one test set, over seeds (or over runs of the method). */
export interface ResultRow {
  readonly method: string;
  /** Name of the test set, as `EvaluationSet.name`: clean, shifted, gaussian:0.7, modality:1@text. */
  readonly set: string;
  readonly metric: string;
  /** Over `values` that are defined; null where none is. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1); null for less than two values. */
  readonly std: number | null;
  /** One a seed, in the order of `seeds`; null where the metric is undefined. */
  readonly values: readonly (number | null)[];
  /** Of the paired t-test against the first method, two-sided, not corrected; null for that method itself. */
  readonly p: number | null;
  /** `p` after Holm's correction over the methods on this set. */
  readonly p_holm?: number | null;
  /** Of Wilcoxon's signed-rank test against the first method, exact, two-sided. */
  readonly p_wilcoxon?: number | null;
  /** 95 % interval of the mean: bootstrap over seeds. */
  readonly ci?: readonly [low: number, high: number] | null;
}

/** One test set of an experiment. */
export interface EvaluationSet {
  readonly name: string;
  /** Split of the data set that it is made from. */
  readonly split: string;
  /** Null: as it is. */
  readonly noise: NoiseSpec | null;
}

/** A baseline without training or with one modality alone: `majority` (a constant), or the name of the modality. */
export interface BaselineRow {
  readonly baseline: string;
  readonly set: string;
  readonly metric: string;
  readonly mean: number | null;
  readonly std: number | null;
  readonly values: readonly (number | null)[];
}

/** Areas under a noise curve of one method: trapezoids over the levels, divided by the range of levels. */
export interface AreaRow {
  readonly method: string;
  readonly kind: string;
  /** Names of the modalities that the noise was on, joined by +; all. */
  readonly modalities: string;
  readonly metric: string;
  /** Mean over the range of levels from 0 to `to`. */
  readonly area: number | null;
  /** Value at `to` less value at 0. */
  readonly drop: number | null;
  readonly worst: number | null;
  readonly to: number;
}

/** What was computed with: printed in reports so that a figure can be repeated. */
export interface Provenance {
  readonly cmir: string;
  readonly libtorch: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly threads: number;
  readonly date: string;
  /** The command line, where there was one. */
  readonly command: string | null;
  /** sha256 of the data set's content. */
  readonly data: string;
}

export interface Comparison {
  readonly kind: 'comparison';
  readonly dataset: string;
  readonly task: 'regression' | 'classification';
  readonly methods: readonly string[];
  readonly seeds: readonly number[];
  readonly sets: readonly EvaluationSet[];
  readonly rows: readonly ResultRow[];
  readonly baselines: readonly BaselineRow[];
  readonly areas: readonly AreaRow[];
  /** Resolved configuration of each method, without the seed's meaning: seed 0 stands for all. */
  readonly configs: Readonly<Record<string, unknown>>;
  /** Run folders by method, in the order of `seeds`, relative to the result folder; empty where none were kept. */
  readonly runs: Readonly<Record<string, readonly string[]>>;
  readonly costs: Readonly<Record<string, Cost>>;
  /** Means over seeds, where probes were asked for. */
  readonly probes?: readonly ProbeRow[];
  readonly provenance: Provenance;
}

/** Parameters, arithmetic and time of one method. FLOPs count a multiply-add as two. */
export interface Cost {
  readonly parameters: number;
  /** Without decoders, which inference does not run, and the spurious halves of the encoders' last layers. */
  readonly inference_parameters: number;
  readonly training_flops_per_example: number;
  readonly inference_flops_per_example: number;
  /** Mean over seeds. */
  readonly training_seconds: number;
  readonly epochs: number;
  /** Median milliseconds of one prediction of one example, and of 128; null where not measured. */
  readonly latency_1_ms: number | null;
  readonly latency_128_ms: number | null;
}

/** What `cmir robustness` prints: a Comparison's tables for finished runs. */
export interface Sweep {
  readonly kind: 'sweep';
  readonly dataset: string;
  readonly methods: readonly string[];
  readonly sets: readonly EvaluationSet[];
  readonly rows: readonly ResultRow[];
  readonly areas: readonly AreaRow[];
  readonly provenance: Provenance;
}

/** What `cmir search` writes; trials are also lines of trials.jsonl, as they end. */
export interface SearchResult {
  readonly kind: 'search';
  readonly dataset: string;
  readonly method: string;
  readonly metric: string;
  readonly direction: 'higher' | 'lower';
  readonly trials: readonly Trial[];
  /** Index of the best trial. */
  readonly best: number;
  /** Options of the best trial, as a configuration file. */
  readonly options: unknown;
  /** Validation scores of the best options with fresh seeds. */
  readonly seeds: readonly { readonly seed: number; readonly score: number | null }[];
  readonly seconds: number;
  readonly provenance: Provenance;
}

export interface Trial {
  readonly trial: number;
  /** The drawn values, by dotted configuration key. */
  readonly values: Readonly<Record<string, unknown>>;
  /** On validation; null where the metric was undefined or the training diverged. */
  readonly score: number | null;
  readonly epochs: number;
  readonly seconds: number;
  /** Why it ended: all epochs or patience, successive halving, or a failure with its message. */
  readonly state: 'finished' | 'halved' | 'failed';
  readonly message?: string;
  /** Best scores at the epochs where successive halving compared it. */
  readonly rungs?: readonly { readonly epoch: number; readonly score: number | null }[];
}

/** Linear probes of the codes of one model, or the mean over the models of one method. */
export interface ProbeRow {
  readonly method: string;
  readonly code: 'invariant' | 'spurious';
  /** Whose codes; absent: those of all modalities side by side. */
  readonly modality?: string;
  /** label, environment, or a factor group of the data set such as causal and spurious. */
  readonly target: string;
  /** R^2 (numbers) or accuracy (classes) of a ridge regression on held-out rows. */
  readonly probe: number | null;
  /** Share of the code's variance that the target explains, of a group of factors beside those before it; null for environment. */
  readonly explained: number | null;
}

/** How a metric answers to one setting: sensitivity of weights, K and intensity. */
export interface SensitivityRow {
  /** Dotted configuration key. */
  readonly key: string;
  readonly value: number;
  readonly set: string;
  readonly metric: string;
  readonly mean: number | null;
  readonly std: number | null;
  readonly values: readonly (number | null)[];
}
