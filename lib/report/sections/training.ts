import type { EpochRecord } from '../../training/history';
import type { Chapter, MethodRun } from '../chapter';
import { epochChart, type EpochAxis } from '../charts/lines';
import type { Figure, Row } from '../figure';
import { isShare, isWide, rounded } from '../format';
import { html } from '../page/html';
import type { Block, Section } from '../section';

/** The terms of the objective, with what the method's description calls them. */
const TERMS = {
  loss: 'Objective',
  prediction: 'Prediction loss',
  invariance: 'Invariance constraint',
  decorrelation: 'Decorrelation constraint',
  reconstruction: 'Reconstruction constraint',
} as const satisfies Partial<Record<keyof EpochRecord, string>>;

type Term = keyof typeof TERMS;

/** Every term of the objective and every validation metric by epoch, of one run a method. */
export function trainingSection({ runs, methods }: Chapter): Section | null {
  const shown = firstRuns(runs, methods);
  if (shown.length === 0) return null;
  const names = shown.map(({ method }) => method);
  const terms = (Object.keys(TERMS) as Term[]).map((term) => {
    const rows = termRows(shown, term);
    return figureOf(
      `training-${term}`,
      TERMS[term],
      { title: term, log: isWide(rows.map(({ value }) => Number(value))) },
      rows,
      names,
    );
  });
  const chosen = [...new Set(shown.map(({ config }) => config.training.metric))];
  const metrics = [
    ...new Set(shown.flatMap(({ history }) => Object.keys(history[0]?.valid ?? {}))),
  ];
  const panels = (wanted: readonly string[]): Figure[] =>
    wanted.map((metric) =>
      figureOf(
        `training-valid-${metric}`,
        `${metric} on the validation split`,
        { title: metric, percent: isShare(metric) },
        metricRows(shown, metric),
        names,
      ),
    );
  const main = metrics.filter((metric) => chosen.includes(metric));
  const others = metrics.filter((metric) => !main.includes(metric));
  const seeds = shown.map(({ method, config }) => `${method} ${String(config.seed)}`).join(', ');
  const blocks: Block[] = [
    html`<p>
      Terms of the objective on the training split, summed over modalities and not multiplied by
      their weights, and the metric that chose the epoch (the point). One run a method, of seed:
      ${seeds}.
    </p>`,
    { figures: [...terms, ...panels(main)].filter(({ rows }) => rows.length > 0) },
  ];
  const rest = panels(others).filter(({ rows }) => rows.length > 0);
  if (rest.length > 0)
    blocks.push({ summary: 'Other validation metrics', blocks: [{ figures: rest }] });
  return { title: 'Training', blocks };
}

/** The first run of each method, in the order of the methods. */
function firstRuns(runs: readonly MethodRun[], methods: readonly string[]): MethodRun[] {
  return methods
    .map((method) => runs.find((run) => run.method === method))
    .filter((run) => run !== undefined);
}

/** A term that no run has is zero throughout: it gets no rows. */
export function termRows(runs: readonly MethodRun[], term: Term): Row[] {
  const used = runs.filter(({ history }) => history.some((record) => record[term] !== 0));
  return used.flatMap((run) => run.history.map((record) => rowOf(run, record, record[term])));
}

export function metricRows(runs: readonly MethodRun[], metric: string): Row[] {
  return runs.flatMap((run) =>
    run.history.flatMap((record) => {
      const value = record.valid[metric] ?? null;
      return value === null ? [] : [rowOf(run, record, value)];
    }),
  );
}

function rowOf({ method, metrics }: MethodRun, { epoch }: EpochRecord, value: number): Row {
  return { method, epoch, value: rounded(value), best: epoch === metrics.best_epoch };
}

function figureOf(
  name: string,
  title: string,
  axis: EpochAxis,
  rows: readonly Row[],
  methods: readonly string[],
): Figure {
  return {
    name,
    title,
    description: `${title} by epoch of ${methods.join(', ')}.`,
    rows,
    spec: epochChart(axis, methods),
    height: 180,
    width: 460,
  };
}
