import { METHODS } from '../../experiments/methods';
import type { EvaluationSet } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { intervalChart, intervalHeight } from '../charts/intervals';
import type { Figure, Row } from '../figure';
import {
  cleanSet,
  findBest,
  headlineSet,
  tally,
  testsOf,
  type Finding,
  type Tally,
} from '../findings';
import { describeMetric, isShare, metricText, plural, pText, spreadText } from '../format';
import { html, type Html } from '../page/html';
import { intervalOf, intervalWords, isJoint, SIGNIFICANT, type Results } from '../results';
import type { Section } from '../section';
import { describeSet, inOrder, shortSet } from '../words';

/** Lines of the main chart. */
const MOST_SETS = 6;

/** The main result in words and one chart: who is best under noise and by how much. */
export function mainSection({ results }: Chapter): Section | null {
  const [result] = results;
  const metric = result?.metric;
  if (result === undefined || metric === undefined) return null;
  const sets = mainSets(result);
  return {
    title: 'The main result',
    blocks: [
      sentences(result),
      { figures: [mainFigure(result, metric, sets)] },
      legend(result.methods, metric, sets),
    ],
  };
}

/** Clean and shifted data, and of every kind of noise on all modalities its highest level. */
export function mainSets({ sets }: Results): EvaluationSet[] {
  const plain = sets.filter(({ noise }) => noise === null);
  const noisy = sets.filter(isJoint);
  const strongest = inOrder([...new Set(noisy.map(({ noise }) => noise?.kind ?? ''))]).map(
    (kind) =>
      noisy
        .filter(({ noise }) => noise?.kind === kind)
        .sort((a, b) => (b.noise?.level ?? 0) - (a.noise?.level ?? 0))[0] as EvaluationSet,
  );
  return [...plain, ...strongest].slice(0, Math.max(MOST_SETS, plain.length));
}

/** Rows of the main chart. */
export function mainRows(result: Results, metric: string, sets: readonly EvaluationSet[]): Row[] {
  return sets.flatMap((set) =>
    result.methods.flatMap((method) => {
      const row = result.row(method, set.name, metric);
      if (row === undefined || row.mean === null) return [];
      const [low, high] = intervalOf(row) ?? [null, null];
      return [{ set: shortSet(set), method, mean: row.mean, low, high }];
    }),
  );
}

function mainFigure(result: Results, metric: string, sets: readonly EvaluationSet[]): Figure {
  const rows = mainRows(result, metric, sets);
  const words = sets.map(shortSet);
  const intervals = intervalWords(result.rows);
  return {
    name: 'main-result',
    title: `${metric} by method${sets.length > 1 ? ' on clean and on changed test data' : ''}`,
    description:
      `${metric} of ${result.methods.join(', ')} on ${words.join(', ')}; each a point` +
      (intervals === '' ? '.' : ` with ${intervals}.`),
    rows,
    spec: intervalChart(metric, words, result.methods),
    height: intervalHeight(words.length, result.methods.length),
    width: 760,
    axisWidth: 200,
  };
}

function sentences(result: Results): Html {
  const clean = cleanSet(result);
  const noisy = headlineSet(result);
  const main = noisy ?? clean;
  const finding = main === undefined ? undefined : findBest(result, main);
  if (finding === undefined) return html`<p>No metric is defined on any test set.</p>`;
  const onClean = noisy === undefined || clean === undefined ? undefined : findBest(result, clean);
  const candidate = finding.best.method === result.methods[0] ? finding.other : finding.best;
  return html`<div class="lead">
    <p>${headline(finding, result)}</p>
    ${
      noisy !== undefined && candidate !== undefined && candidate.method !== result.methods[0]
        ? [
            tallyWords(tally(result, candidate.method), result.methods[0] as string),
            largestWords(result, candidate.method),
          ]
        : null
    }
    ${onClean === undefined ? null : cleanWords(onClean)} ${seedWords(result)}
  </div>`;
}

function headline(finding: Finding, result: Results): Html {
  const { set, metric, best, other, direction, p } = finding;
  const where =
    set.noise === null ? `On ${shortSet(set)}` : `Under ${shortSet(set)} (${describeSet(set)})`;
  const value = spreadText(metric, best.mean, best.std);
  if (other === undefined) {
    return html`${where}, <strong>${best.method}</strong> reaches ${metric} ${value}; ${direction}
      is better${baselineWords(finding, result)}.`;
  }
  const against = html`${metric} ${value} against ${spreadText(metric, other.mean, other.std)} of
  ${other.method} (${direction} is better${gain(finding)})`;
  const first = html`${where}, <strong>${best.method}</strong> has the best mean of
    ${plural(result.methods.length, 'method')}`;
  // The test is of these two: it says nothing on third ones.
  if (p !== null && p < SIGNIFICANT) {
    return html`${first} and is <strong>better than ${other.method}</strong>: ${against};
      ${pText(p)}, so chance is an unlikely reason.`;
  }
  const unsure =
    p === null
      ? html`. Whether that is more than chance was not tested.`
      : html`. ${doubt(finding, p, testsOf(result, metric, set.name))}:
          <strong>no clear winner</strong>.`;
  return html`${first}: ${against}${unsure}`;
}

/** Why a difference is not taken for one: by itself, or among as many as were tested. */
function doubt({ alone }: Finding, p: number, tests: number): string {
  return alone !== null && alone < SIGNIFICANT
    ? `By itself that would be significant (${pText(alone)}), but not among ${plural(tests, 'test')} (${pText(p)} after Holm’s correction)`
    : `Differences like this are often chance (${pText(p)})`;
}

/** What a model that ignores its input reaches. */
function baselineWords({ set, metric }: Finding, { baselines }: Results): string {
  const constant = baselines.find(
    (row) => row.baseline === 'majority' && row.set === set.name && row.metric === metric,
  );
  return constant?.mean == null ? '' : `; a constant reaches ${metricText(metric, constant.mean)}`;
}

/** How much less error, or how many points more. */
function gain({ metric, best, other, direction }: Finding): string {
  if (other === undefined || other.mean === best.mean) return '';
  const difference = Math.abs(best.mean - other.mean);
  if (direction === 'higher') {
    return isShare(metric)
      ? `; ${(100 * difference).toFixed(1)} points more`
      : `; ${metricText(metric, difference)} more`;
  }
  return other.mean <= 0 ? '' : `; ${((100 * difference) / other.mean).toFixed(1)}\u00a0% less`;
}

function tallyWords(counts: Tally, reference: string): Html | null {
  if (counts.sets < 2) return null;
  const { method, sets, better, significantlyBetter, significantlyWorse, tested } = counts;
  const significant =
    tested === 0
      ? ''
      : `: significantly better on ${noneOr(significantlyBetter)}, significantly worse on ` +
        `${noneOr(significantlyWorse)} (p below ${String(SIGNIFICANT)})`;
  return html`<p>
    Over all ${sets} test sets with noise on every modality, ${method} has a better mean than
    ${reference} on ${better}${significant}.
  </p>`;
}

/** The noise under which a method gains most over the first one, where that is more than chance. */
function largestWords(result: Results, method: string): Html | null {
  const findings = mainSets(result)
    .filter(({ noise }) => noise !== null)
    .flatMap((set) => findBest(result, set) ?? [])
    .filter(({ best, p }) => best.method === method && p !== null && p < SIGNIFICANT);
  const size = ({ best, other }: Finding): number =>
    Math.abs(best.mean - (other?.mean ?? best.mean));
  const [largest] = [...findings].sort((a, b) => size(b) - size(a));
  if (largest?.other === undefined || largest.set === headlineSet(result)) return null;
  const { set, metric, best, other, p } = largest;
  return html`<p>
    It gains most where ${describeSet(set)}: ${metric} ${metricText(metric, best.mean)} against
    ${metricText(metric, other.mean)} of
    ${other.method}${gain(largest)}${p === null ? '' : `; ${pText(p)}`}.
  </p>`;
}

function noneOr(count: number): string {
  return count === 0 ? 'none' : String(count);
}

function cleanWords({ best, other, metric, p }: Finding): Html | null {
  if (other === undefined) return null;
  const values = `${spreadText(metric, best.mean, best.std)} against ${spreadText(metric, other.mean, other.std)}`;
  const sure = p === null ? '' : p < SIGNIFICANT ? `, ${pText(p)}` : `, ${pText(p)}: may be chance`;
  return html`<p>
    On clean test data <strong>${best.method}</strong> has the best mean: ${values} of
    ${other.method}${sure}.
  </p>`;
}

function seedWords({ seeds, methods, rows }: Results): Html {
  const tested = rows.some(({ p }) => p !== null);
  const corrected = rows.some(({ p_holm }) => p_holm !== undefined && p_holm !== null);
  const runs =
    seeds === null
      ? ''
      : `Every method was trained ${plural(seeds, 'time')}, with different random seeds; ± is the standard deviation over them. `;
  const test = tested
    ? `p is of paired t-tests against ${methods[0] as string}` +
      (corrected ? ', after Holm’s correction for their number: ' : ': ') +
      'how often a difference this large would come up if there were none.'
    : '';
  return html`<p class="note">
    ${seeds === 1 ? 'Every method was trained once: differences between seeds are not known.' : runs}${test}
  </p>`;
}

function legend(methods: readonly string[], metric: string, sets: readonly EvaluationSet[]): Html {
  const meaning = describeMetric(metric);
  return html`<h4>What the names mean</h4>
    <dl class="legend">
      ${METHODS.filter(({ name }) => methods.includes(name)).map(
        ({ name, description }) =>
          html`<div>
            <dt>${name}</dt>
            <dd>${sentence(description)}</dd>
          </div>`,
      )}
      <div>
        <dt>${metric}</dt>
        <dd>${meaning === '' ? 'The metric of the charts.' : meaning}</dd>
      </div>
      ${sets.map(
        (set) =>
          html`<div>
            <dt><code>${set.name}</code></dt>
            <dd>${sentence(describeSet(set))}</dd>
          </div>`,
      )}
    </dl>`;
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
