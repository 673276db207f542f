import type { EvaluationSet } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { barChart, barHeight } from '../charts/bars';
import type { Row } from '../figure';
import { headlineSet } from '../findings';
import { directionOf } from '../format';
import { html } from '../page/html';
import type { Results } from '../results';
import type { Section } from '../section';
import { summary as summaryOf } from '../../experiments/rows';
import { shortSet } from '../words';

/** What stands between the name of a whole method and that of the part that an ablation leaves out. */
const WITHOUT = '-no-';

/** The method of whose parts others leave one out. */
function wholeOf({ methods }: Results): string | undefined {
  return methods.find((name) => methods.some((other) => other.startsWith(name + WITHOUT)));
}

/** What the parts of the method contribute: the difference that leaving them out makes. */
export function ablationSection({ results }: Chapter): Section | null {
  const result = results.find((each) => wholeOf(each) !== undefined);
  const metric = result?.metric;
  const whole = result && wholeOf(result);
  if (whole === undefined || result === undefined || metric === undefined) return null;
  const sets = ablationSets(result);
  const rows = ablationRows(result, metric, sets);
  if (rows.length === 0) return null;
  const others = result.methods.filter((method) => rows.some(({ group }) => group === method));
  const words = sets.map(shortSet);
  const worse = directionOf(metric) === 'lower' ? 'right' : 'left';
  const deviations = rows.some(({ low }) => low !== null)
    ? ' Lines are one standard deviation of the difference over seeds.'
    : '';
  return {
    title: 'What the parts contribute',
    blocks: [
      html`<p>
        ${metric} without one part of the method, less that of <strong>${whole}</strong>, the whole:
        a bar to the ${worse} means that the part helps.${deviations}
      </p>`,
      {
        figures: [
          {
            name: 'ablation',
            title: `Difference to ${whole}`,
            description: `${metric} less that of ${whole}: ${others.join(', ')} on ${words.join(', ')}.`,
            rows,
            spec: barChart(metric, `${metric} less that of ${whole}`, others, words),
            height: barHeight(others.length, words.length),
            width: 760,
            axisWidth: 200,
          },
        ],
      },
    ],
  };
}

/** Clean and shifted data, and the strongest noise. */
function ablationSets(result: Results): EvaluationSet[] {
  const plain = result.sets.filter(({ noise }) => noise === null);
  return [...plain, headlineSet(result)].filter((set) => set !== undefined);
}

/** Differences by method and set; with their deviation over seeds where the methods' seeds pair. */
export function ablationRows(
  result: Results,
  metric: string,
  sets: readonly EvaluationSet[],
): Row[] {
  const name = wholeOf(result);
  if (name === undefined) return [];
  const parts = result.methods.filter((method) => method.startsWith(name + WITHOUT));
  return parts.flatMap((method) =>
    sets.flatMap((set) => {
      const row = result.row(method, set.name, metric);
      const whole = result.row(name, set.name, metric);
      if (row?.mean == null || whole?.mean == null) return [];
      const mean = row.mean - whole.mean;
      const std = pairedDeviation(row.values, whole.values);
      const [low, high] = std === null ? [null, null] : [mean - std, mean + std];
      return [{ group: method, series: shortSet(set), mean, low, high }];
    }),
  );
}

function pairedDeviation(
  values: readonly (number | null)[],
  others: readonly (number | null)[],
): number | null {
  if (values.length !== others.length) return null;
  return summaryOf(
    values.map((value, i) => {
      const other = others[i] ?? null;
      return value === null || other === null ? null : value - other;
    }),
  ).std;
}
