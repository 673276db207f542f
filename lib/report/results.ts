import type {
  AreaRow,
  BaselineRow,
  Comparison,
  EvaluationSet,
  ResultRow,
  Sweep,
} from '../experiments/results';

/** The metrics that tables and charts are about first, where there are such. */
const FIRST_METRICS = ['MAE', 'Acc'];
const SECOND_METRICS = ['Non0_acc_2', 'F1_score'];

/** What a results table is read from: a comparison, a sweep, or the metrics of runs. */
export interface ResultFields {
  readonly dataset: string;
  readonly methods: readonly string[];
  /** Number of runs a method; null where methods have different numbers. */
  readonly seeds: number | null;
  readonly sets: readonly EvaluationSet[];
  readonly rows: readonly ResultRow[];
  readonly baselines: readonly BaselineRow[];
  readonly areas: readonly AreaRow[];
}

/** Metrics by method and test set. The first method is the one that others are tested against. */
export class Results implements ResultFields {
  readonly dataset: string;
  readonly methods: readonly string[];
  readonly seeds: number | null;
  readonly sets: readonly EvaluationSet[];
  readonly rows: readonly ResultRow[];
  readonly baselines: readonly BaselineRow[];
  readonly areas: readonly AreaRow[];
  /** All metrics there are, the main one first. */
  readonly metrics: readonly string[];
  readonly #rows: ReadonlyMap<string, ResultRow>;

  constructor(fields: ResultFields, metric?: string) {
    this.dataset = fields.dataset;
    this.methods = fields.methods;
    this.seeds = fields.seeds;
    this.sets = fields.sets;
    this.rows = fields.rows;
    this.baselines = fields.baselines;
    this.areas = fields.areas;
    const names = [...new Set(fields.rows.map((row) => row.metric))];
    const first = [metric, ...FIRST_METRICS, ...SECOND_METRICS].filter(
      (name) => name !== undefined && names.includes(name),
    ) as string[];
    this.metrics = [...new Set([...first, ...names])];
    this.#rows = new Map(fields.rows.map((row) => [keyOf(row), row]));
  }

  /** The main metric; undefined where there is no row at all. */
  get metric(): string | undefined {
    return this.metrics[0];
  }

  row(method: string, set: string, metric: string): ResultRow | undefined {
    return this.#rows.get(keyOf({ method, set, metric }));
  }

  /** Null where there is no such row, or the metric is undefined. */
  mean(method: string, set: string, metric: string): number | null {
    return this.row(method, set, metric)?.mean ?? null;
  }
}

function keyOf({ method, set, metric }: Pick<ResultRow, 'method' | 'set' | 'metric'>): string {
  return JSON.stringify([method, set, metric]);
}

export function resultsOf(result: Comparison | Sweep, metric?: string): Results {
  const counts = new Set(result.rows.map(({ values }) => values.length));
  const [count = null] = counts;
  return new Results(
    {
      ...result,
      seeds: counts.size === 1 ? count : null,
      baselines: 'baselines' in result ? result.baselines : [],
    },
    metric,
  );
}

/** The interval that a chart draws round a mean: 95 % of its bootstrap where there is one, else one standard deviation. */
export function intervalOf({ mean, std, ci }: ResultRow): readonly [number, number] | null {
  if (ci) return ci;
  return mean === null || std === null ? null : [mean - std, mean + std];
}

/** What intervalOf gives for these rows, in words. */
export function intervalWords(rows: readonly ResultRow[]): string {
  if (rows.some(({ ci }) => ci))
    return '95 % confidence intervals of the mean (bootstrap over seeds)';
  if (rows.some(({ std }) => std !== null)) return 'one standard deviation over seeds on each side';
  return '';
}

/** The p-value that counts: after Holm's correction, where it was made. */
export function pOf({ p, p_holm }: ResultRow): number | null {
  return p_holm ?? p;
}

export const SIGNIFICANT = 0.05;

/** Noise on all modalities at once. */
export function isJoint({ noise }: EvaluationSet): boolean {
  return noise !== null && noise.modalities === null;
}

/** One or more modalities are missing altogether, others are there. */
export function isMissing({ noise }: EvaluationSet): boolean {
  return noise?.kind === 'modality' && noise.level >= 1 && noise.modalities !== null;
}
