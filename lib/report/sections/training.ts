import type { EpochRecord } from '../../training/history';
import type { Chapter, MethodRun } from '../chapter';
import { epochChart, type EpochAxis } from '../charts/lines';
import type { Figure, Row } from '../figure';
import { isShare, isWide, rounded } from '../format';
import { html } from '../page/html';
import type { Block, Section } from '../section';

/** The terms of the objective in the order of the page, with what the method's description calls them. */
const TERMS: Readonly<Record<string, string>> = {
  loss: 'Objective',
  prediction: 'Prediction loss',
  invariance: 'Invariance constraint',
  decorrelation: 'Decorrelation constraint',
  reconstruction: 'Reconstruction constraint',
  consistency: 'Consistency of predictions',
  risk: 'Spread of risks over environments',
};

/** Numbers of a record that are no terms. */
const OTHERS: readonly string[] = [
  ...['epoch', 'learning_rate', 'seconds', 'native_seconds', 'examples_per_second'],
];

/** Every term that a run's history has, those that have no name of their own here last. */
function termsOf(runs: readonly MethodRun[]): string[] {
  const numbers = runs.flatMap(({ history }) =>
    Object.entries(history[0] ?? {}).flatMap(([key, value]) =>
      typeof value === 'number' && !OTHERS.includes(key) ? [key] : [],
    ),
  );
  const found = new Set(numbers);
  return [...new Set([...Object.keys(TERMS).filter((key) => found.has(key)), ...found])];
}

/** Every term of the objective and every validation metric by epoch, of one run a method. */
export function trainingSection({ runs, methods }: Chapter): Section | null {
  const shown = firstRuns(runs, methods);
  if (shown.length === 0) return null;
  const names = shown.map(({ method }) => method);
  const terms = termsOf(shown).map((term) => {
    const rows = termRows(shown, term);
    return figureOf(
      `training-${term}`,
      TERMS[term] ?? term,
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

/** Runs in which a term is zero throughout do not have it: they get no rows. */
export function termRows(runs: readonly MethodRun[], term: string): Row[] {
  const valueOf = (record: EpochRecord): number => {
    const value = (record as unknown as Record<string, unknown>)[term];
    return typeof value === 'number' ? value : 0;
  };
  const used = runs.filter(({ history }) => history.some((record) => valueOf(record) !== 0));
  return used.flatMap((run) => run.history.map((record) => rowOf(run, record, valueOf(record))));
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
