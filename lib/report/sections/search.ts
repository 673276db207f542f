import type { SearchResult, Trial } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { trialChart, type TrialAxis } from '../charts/trials';
import type { Figure, Row } from '../figure';
import { isBetter } from '../findings';
import { isWide, metricText, plural, rounded, secondsText, spreadText, valueText } from '../format';
import { html, type Html } from '../page/html';
import { table } from '../page/table';
import type { Section } from '../section';
import { summary as summaryOf } from '../../experiments/rows';

/** Rows of the table of trials. */
const MOST_TRIALS = 10;

/** Of trials with a score, in the order of their colours. */
const STATES: readonly Trial['state'][] = ['finished', 'halved', 'failed'];

type Scored = Trial & { readonly score: number };

/** The trials of a search: their scores in turn, and by each of the settings that were drawn. */
export function searchSection({ search }: Chapter): Section | null {
  if (search === undefined) return null;
  const { trials, metric } = search;
  const keys = [...new Set(trials.flatMap(({ values }) => Object.keys(values)))];
  const states = STATES.filter((state) => scored(trials).some((trial) => trial.state === state));
  const figures: Figure[] = [
    {
      name: 'search-trials',
      title: 'Score by trial',
      description: `${metric} on validation of every trial in turn; the line is the best so far.`,
      rows: trialRows(search),
      spec: trialChart({ metric, title: 'trial', kind: 'trial' }, states),
      height: 200,
      width: 460,
    },
    ...keys.map((key) => ({
      name: `search-${key}`,
      title: key,
      description: `${metric} on validation of every trial by its ${key}.`,
      rows: settingRows(search, key),
      spec: trialChart({ metric, title: key, kind: axisOf(trials, key) }, states),
      height: 200,
      width: 460,
    })),
  ];
  return {
    title: 'Hyper-parameter search',
    blocks: [
      summary(search),
      { figures: figures.filter(({ rows }) => rows.length > 0) },
      bestTable(search, keys),
      {
        summary: 'Options of the best trial, as a configuration file',
        blocks: [html`<pre>${JSON.stringify(search.options, null, 2)}</pre>`],
      },
    ],
  };
}

function summary(search: SearchResult): Html {
  const { trials, metric, method, seconds, direction, seeds } = search;
  const count = (state: Trial['state']): number =>
    trials.filter((trial) => trial.state === state).length;
  const best = trials[search.best];
  const { mean, std } = summaryOf(seeds.map(({ score }) => score));
  const fresh =
    mean === null
      ? ''
      : ` With ${plural(seeds.length, 'fresh seed')} its options reach ${spreadText(metric, mean, std)}: the figure to rely on, as the best of many trials is partly luck.`;
  return html`<p>
    ${plural(trials.length, 'trial')} of ${method} in ${secondsText(seconds)}, scored by ${metric}
    on validation (${direction} is better): ${count('finished')} finished, ${count('halved')} were
    stopped early, ${count('failed')} failed. The best is trial ${best?.trial ?? '–'} with
    ${metricText(metric, best?.score ?? null)}.${fresh}
  </p>`;
}

function scored(trials: readonly Trial[]): Scored[] {
  return trials.filter((trial): trial is Scored => trial.score !== null);
}

export function trialRows({ trials, direction }: SearchResult): Row[] {
  let best: number | null = null;
  return scored(trials).map(({ trial, score, state }) => {
    if (best === null || isBetter(score, best, direction)) best = score;
    return { trial, x: trial, score: rounded(score), state, best: rounded(best) };
  });
}

function settingRows({ trials }: SearchResult, key: string): Row[] {
  return scored(trials)
    .filter(({ values }) => key in values)
    .map(({ trial, values, score, state }) => {
      const value = values[key];
      const x = typeof value === 'number' ? rounded(value) : valueText(value);
      return { trial, x, score: rounded(score), state };
    });
}

export function axisOf(trials: readonly Trial[], key: string): TrialAxis {
  const values = trials.filter((trial) => key in trial.values).map((trial) => trial.values[key]);
  if (!values.every((value) => typeof value === 'number')) return 'name';
  return isWide(values) ? 'log' : 'number';
}

function bestTable({ trials, metric, direction }: SearchResult, keys: readonly string[]): Html {
  const order = scored(trials).sort((a, b) => (isBetter(a.score, b.score, direction) ? -1 : 1));
  const rows = order
    .slice(0, MOST_TRIALS)
    .map(({ trial, score, state, epochs, seconds, values }) => [
      trial,
      metricText(metric, score),
      ...keys.map((key) => {
        const value = values[key];
        return typeof value === 'number' ? String(rounded(value, 3)) : valueText(value);
      }),
      epochs,
      secondsText(seconds),
      state,
    ]);
  return table(
    `The best ${plural(rows.length, 'trial')} of ${String(trials.length)}`,
    [
      { title: 'trial' },
      { title: metric, number: true },
      ...keys.map((title) => ({ title, number: true })),
      { title: 'epochs', number: true },
      { title: 'time', number: true },
      { title: 'ended' },
    ],
    rows,
  );
}
