import type { NoiseSpec } from './sets';

/**
 * What experiments put out: JSON of this form on standard output and in result folders, read again by the report.
 * `cmir compare --json` prints a Comparison, `cmir robustness --json` a Sweep.
 */

/** One metric of one method on one test set, over seeds (or over runs of the method). */
export interface ResultRow {
  /** Name of the method. */
  readonly method: string;
  /** Name of the test set, as `EvaluationSet.name`: clean, shifted, gaussian:0.7, `modality:1@text`. */
  readonly set: string;
  /** Name of the metric. */
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
  /** Such as clean, shifted or gaussian:0.7. */
  readonly name: string;
  /** Split of the data set that it is made from. */
  readonly split: string;
  /** Null: as it is. */
  readonly noise: NoiseSpec | null;
}

/** A baseline without training or with one modality alone: `majority` (a constant), or the name of the modality. */
export interface BaselineRow {
  /** `majority`, or a modality's name. */
  readonly baseline: string;
  /** Name of the test set. */
  readonly set: string;
  /** Name of the metric. */
  readonly metric: string;
  /** Over `values` that are defined; null where none is. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1); null for less than two values. */
  readonly std: number | null;
  /** One a seed, or one alone for a constant; null where the metric is undefined. */
  readonly values: readonly (number | null)[];
}

/** Areas under a noise curve of one method: trapezoids over the levels, divided by the range of levels. */
export interface AreaRow {
  /** Name of the method. */
  readonly method: string;
  /** Kind of noise. */
  readonly kind: string;
  /** Names of the modalities that the noise was on, joined by +; all. */
  readonly modalities: string;
  /** Name of the metric. */
  readonly metric: string;
  /** Mean over the range of levels from 0 to `to`. */
  readonly area: number | null;
  /** Value at `to` less value at 0. */
  readonly drop: number | null;
  /** The worst value at any level of the range. All are null where the metric is undefined at some level. */
  readonly worst: number | null;
  /** Highest level of the range. */
  readonly to: number;
}

/** What was computed with: printed in reports so that a figure can be repeated. */
export interface Provenance {
  /** Version of this package. */
  readonly cmir: string;
  /** Version of LibTorch. */
  readonly libtorch: string;
  /** Version of Node. */
  readonly node: string;
  /** Such as linux x64. */
  readonly platform: string;
  /** Model of the processor. */
  readonly cpu: string;
  /** Threads of one training. */
  readonly threads: number;
  /** ISO 8601, UTC. */
  readonly date: string;
  /** The command line, where there was one. */
  readonly command: string | null;
  /** sha256 of the data set's content. */
  readonly data: string;
}

/** What `compare` resolves to: methods side by side on the same seeds and test sets. */
export interface Comparison {
  /** Tells the forms of results apart. */
  readonly kind: 'comparison';
  /** Name of the data set. */
  readonly dataset: string;
  /** Of the label. */
  readonly task: 'regression' | 'classification';
  /** The first is the one that the others are tested against. */
  readonly methods: readonly string[];
  /** Seeds that every method was trained with. */
  readonly seeds: readonly number[];
  /** Test sets, in the order of the tables. */
  readonly sets: readonly EvaluationSet[];
  /** One a method, test set and metric. */
  readonly rows: readonly ResultRow[];
  /** A constant, and each modality alone. */
  readonly baselines: readonly BaselineRow[];
  /** Areas under the noise curves, where the sets are a sweep. */
  readonly areas: readonly AreaRow[];
  /** Resolved configuration of each method, without the seed's meaning: seed 0 stands for all. */
  readonly configs: Readonly<Record<string, unknown>>;
  /** Run folders by method, in the order of `seeds`, relative to the result folder; empty where none were kept. */
  readonly runs: Readonly<Record<string, readonly string[]>>;
  /** By method. */
  readonly costs: Readonly<Record<string, Cost>>;
  /** Means over seeds, where probes were asked for. */
  readonly probes?: readonly ProbeRow[];
  /** What it was computed with. */
  readonly provenance: Provenance;
}

/** Parameters, arithmetic and time of one method. FLOPs count a multiply-add as two. */
export interface Cost {
  /** Trained parameters. */
  readonly parameters: number;
  /** Without decoders, which inference does not run, and the spurious halves of the encoders' last layers. */
  readonly inference_parameters: number;
  /** Forward and backward of one example in all environments. */
  readonly training_flops_per_example: number;
  /** One prediction, of the clean input. */
  readonly inference_flops_per_example: number;
  /** Mean over seeds. */
  readonly training_seconds: number;
  /** Epochs trained, mean over seeds. */
  readonly epochs: number;
  /** Median milliseconds of one prediction of one example, and of 128; null where not measured. */
  readonly latency_1_ms: number | null;
  /** The same of 128 examples at once. */
  readonly latency_128_ms: number | null;
}

/** What `cmir robustness` prints: a Comparison's tables for finished runs. */
export interface Sweep {
  /** Tells the forms of results apart. */
  readonly kind: 'sweep';
  /** Name of the data set. */
  readonly dataset: string;
  /** Names of the methods, as the rows have them. */
  readonly methods: readonly string[];
  /** Test sets, in the order of the tables. */
  readonly sets: readonly EvaluationSet[];
  /** One a method, test set and metric. */
  readonly rows: readonly ResultRow[];
  /** Areas under the noise curves. */
  readonly areas: readonly AreaRow[];
  /** What it was computed with. */
  readonly provenance: Provenance;
}

/** What `cmir search` writes; trials are also lines of trials.jsonl, as they end. */
export interface SearchResult {
  /** Tells the forms of results apart. */
  readonly kind: 'search';
  /** Name of the data set. */
  readonly dataset: string;
  /** Name of the method. */
  readonly method: string;
  /** What was selected by, on validation. */
  readonly metric: string;
  /** Which scores are better. */
  readonly direction: 'higher' | 'lower';
  /** All of them, in the order of their numbers. */
  readonly trials: readonly Trial[];
  /** Index of the best trial. */
  readonly best: number;
  /** Options of the best trial, as a configuration file. */
  readonly options: unknown;
  /** Validation scores of the best options with fresh seeds. */
  readonly seeds: readonly { readonly seed: number; readonly score: number | null }[];
  /** Of the whole search. */
  readonly seconds: number;
  /** What it was computed with. */
  readonly provenance: Provenance;
}

/** One draw of settings and what came of it. */
export interface Trial {
  /** Its number, from 0. */
  readonly trial: number;
  /** The drawn values, by dotted configuration key. */
  readonly values: Readonly<Record<string, unknown>>;
  /** On validation; null where the metric was undefined or the training diverged. */
  readonly score: number | null;
  /** Epochs trained. */
  readonly epochs: number;
  /** Seconds trained. */
  readonly seconds: number;
  /** Why it ended: all epochs or patience, successive halving, or a failure with its message. */
  readonly state: 'finished' | 'halved' | 'failed';
  /** Of the error, where it failed. */
  readonly message?: string;
  /** Best scores at the epochs where successive halving compared it. */
  readonly rungs?: readonly { readonly epoch: number; readonly score: number | null }[];
}

/** Linear probes of the codes of one model, or the mean over the models of one method. */
export interface ProbeRow {
  /** Name of the method. */
  readonly method: string;
  /** Which part of the code. */
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
  /** What the key was set to. */
  readonly value: number;
  /** Name of the test set. */
  readonly set: string;
  /** Name of the metric. */
  readonly metric: string;
  /** Over `values` that are defined; null where none is. */
  readonly mean: number | null;
  /** Sample standard deviation (n - 1); null for less than two values. */
  readonly std: number | null;
  /** One a seed; null where the metric is undefined. */
  readonly values: readonly (number | null)[];
}
