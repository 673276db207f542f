import type { EvaluationSet, ResultRow } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { isBetter } from '../findings';
import { directionOf, isShare, listText, spreadText } from '../format';
import { html, type Html } from '../page/html';
import { table } from '../page/table';
import { isJoint, pOf, type Results } from '../results';
import type { Block, Section } from '../section';
import { describeSet, inOrder } from '../words';

/** Tables with at most so many test sets show all of them. */
const FEW_SETS = 9;
/** The highest level of the sweep noise-v1 that every kind has; additive kinds have one more. */
const COMMON_LEVEL = 0.7;
/** Metrics whose tables are open. */
const OPEN = 2;

/** Methods by test sets, a table a metric. */
export function comparisonSection({ results }: Chapter): Section | null {
  const blocks = results.flatMap((result, i) => [
    ...(results.length > 1 ? [html`<h4>${i === 0 ? 'Comparison' : 'Sweep'}</h4>`] : []),
    ...tables(result),
  ]);
  return blocks.length === 0 ? null : { title: 'Methods compared', blocks };
}

function tables(result: Results): Block[] {
  const sets = tableSets(result);
  const [open, folded] = [result.metrics.slice(0, OPEN), result.metrics.slice(OPEN)];
  if (open.length === 0) return [];
  return [
    ...open.map((metric) => metricTable(result, metric, sets)),
    note(result, sets),
    ...(folded.length === 0
      ? []
      : [
          {
            summary: `Other metrics: ${listText(folded)}`,
            blocks: folded.map((metric) => metricTable(result, metric, sets)),
          },
        ]),
  ];
}

/** The columns: all sets where they are few; else plain ones, and noise on all modalities at its highest levels. */
export function tableSets({ sets }: Results): EvaluationSet[] {
  if (sets.length <= FEW_SETS) return [...sets];
  const joint = sets.filter(isJoint);
  const kinds = inOrder([...new Set(joint.map(({ noise }) => noise?.kind ?? ''))]);
  const chosen = kinds.flatMap((kind) => {
    const levels = joint
      .filter(({ noise }) => noise?.kind === kind)
      .sort((a, b) => (a.noise?.level ?? 0) - (b.noise?.level ?? 0));
    const common = levels.filter(({ noise }) => (noise?.level ?? 0) <= COMMON_LEVEL).at(-1);
    return [...new Set([common, levels.at(-1)])].filter((set) => set !== undefined);
  });
  return [...sets.filter(({ noise }) => noise === null), ...chosen];
}

function metricTable(result: Results, metric: string, sets: readonly EvaluationSet[]): Html {
  const direction = directionOf(metric);
  // Of one method alone nothing is best.
  const rivals = result.methods.length > 1 ? sets : [];
  const best = new Map(rivals.map(({ name }) => [name, bestMean(result, metric, name)]));
  const columns = sets.map((set) => ({
    title: html`<abbr title="${describeSet(set)}">${set.name}</abbr>`,
    number: true,
  }));
  const rows = result.methods.map((method) => [
    method,
    ...sets.map(({ name }) => cell(metric, result.row(method, name, metric), best.get(name))),
  ]);
  return table(
    `${metric}${isShare(metric) ? ' in %' : ''} (${direction} is better)`,
    [{ title: 'method' }, ...columns],
    [...rows, ...baselineRows(result, metric, sets)],
  );
}

function bestMean(result: Results, metric: string, set: string): number | null {
  const direction = directionOf(metric);
  return result.methods
    .map((method) => result.mean(method, set, metric))
    .reduce((best, mean) => {
      if (mean === null || best === null) return best ?? mean;
      return isBetter(mean, best, direction) ? mean : best;
    }, null);
}

function cell(metric: string, row: ResultRow | undefined, best: number | null | undefined): Html {
  if (row === undefined) return html`–`;
  const text = plainSpread(metric, row.mean, row.std);
  const isBest = row.mean !== null && row.mean === best;
  return html`${isBest ? html`<strong>${text}</strong>` : text}${stars(row)}`;
}

/** A modality alone is named `text only`, or `text`. */
function baselineName(name: string): string {
  if (name === 'majority') return 'a constant';
  return name.endsWith(' only') ? name : `${name} only`;
}

/** Without the sign of percent, which the caption has. */
function plainSpread(metric: string, mean: number | null, std: number | null): string {
  return spreadText(metric, mean, std).replace('\u00a0%', '');
}

/** Levels of significance, as tables mark them. */
export function stars(row: ResultRow): string {
  const p = pOf(row);
  if (p === null || p >= 0.05) return '';
  return p < 0.001 ? ' ***' : p < 0.01 ? ' **' : ' *';
}

function baselineRows(
  { baselines }: Results,
  metric: string,
  sets: readonly EvaluationSet[],
): Html[][] {
  const names = [...new Set(baselines.map(({ baseline }) => baseline))];
  return names
    .filter((name) =>
      baselines.some((row) => row.baseline === name && row.metric === metric && row.mean !== null),
    )
    .map((name) => [
      html`<em>${baselineName(name)}</em>`,
      ...sets.map((set) => {
        const row = baselines.find(
          (other) => other.baseline === name && other.set === set.name && other.metric === metric,
        );
        const value = row === undefined ? '–' : plainSpread(metric, row.mean, row.std);
        return html`<em>${value}</em>`;
      }),
    ]);
}

function note(result: Results, sets: readonly EvaluationSet[]): Html {
  const { rows, baselines, methods } = result;
  const words = rows.some(({ std }) => std !== null)
    ? ['Mean ± standard deviation over seeds.']
    : [];
  if (methods.length > 1) words.push('The best method of each column is bold.');
  if (rows.some(({ p }) => p !== null)) {
    const corrected = rows.some(({ p_holm }) => p_holm !== undefined && p_holm !== null);
    words.push(
      `Stars mark a difference to ${methods[0] as string} with p below 0.05 (*), 0.01 (**) or 0.001 (***), paired t-test` +
        (corrected ? ', after Holm’s correction.' : ', not corrected for the number of tests.'),
    );
  }
  if (baselines.length > 0) words.push('Baselines are in italics.');
  if (sets.length < result.sets.length) {
    words.push(
      `${String(sets.length)} of ${String(result.sets.length)} test sets are shown; the noise curves show the others.`,
    );
  }
  return html`<p class="note">${words.join(' ')}</p>`;
}
