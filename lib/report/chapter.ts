import type { Provenance, SearchResult, SensitivityRow } from '../experiments/results';
import type { Cost } from '../experiments/results';
import type { Results } from './results';
import type { ModelView } from './models';
import type { RunFolder } from './sources/read';
import type { ProbeOfModality } from './sources/schemas';

/** A run with the method it is of. */
export interface MethodRun extends RunFolder {
  readonly method: string;
}

/** What belongs together: a result folder with its runs, or the runs of one data set. */
export interface Chapter {
  /** Path or name of the data set. */
  readonly dataset: string;
  /** All methods, in the order of their colours. */
  readonly methods: readonly string[];
  /** A comparison, a sweep, or both. */
  readonly results: readonly Results[];
  readonly runs: readonly MethodRun[];
  /** One a method, where the report was to look into models. */
  readonly models: readonly ModelView[];
  readonly search?: SearchResult;
  readonly probes?: readonly ProbeOfModality[];
  readonly sensitivity?: readonly SensitivityRow[];
  readonly costs: Readonly<Record<string, Cost>>;
  /** Resolved configurations by method. */
  readonly configs: Readonly<Record<string, unknown>>;
  readonly provenances: readonly { readonly of: string; readonly provenance: Provenance }[];
  /** What was left out and why, in sentences. */
  readonly notes: readonly string[];
}
