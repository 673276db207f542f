import type { Chapter } from '../chapter';
import { barChart, barHeight } from '../charts/bars';
import type { Row } from '../figure';
import { cleanSet } from '../findings';
import { html } from '../page/html';
import { intervalOf, intervalWords, isMissing, type Results } from '../results';
import type { Section } from '../section';

/** How well predictions are without one or more of the modalities. */
export function missingSection({ results }: Chapter): Section | null {
  const result = results.find(({ sets }) => sets.some(isMissing));
  const metric = result?.metric;
  if (result === undefined || metric === undefined) return null;
  const rows = missingRows(result, metric);
  const groups = [...new Set(rows.map(({ group }) => String(group)))];
  const intervals = intervalWords(result.rows);
  return {
    title: 'Missing modalities',
    blocks: [
      html`<p>
        ${metric} where whole modalities are missing from every test example.
        ${intervals === '' ? null : `Lines are ${intervals}.`}
      </p>`,
      {
        figures: [
          {
            name: 'missing-modalities',
            title: `${metric} without some of the modalities`,
            description: `${metric} of ${result.methods.join(', ')}: ${groups.join('; ')}.`,
            rows,
            spec: barChart(metric, metric, groups, result.methods),
            height: barHeight(groups.length, result.methods.length),
            width: 760,
            axisWidth: 200,
          },
        ],
      },
    ],
  };
}

/** A group a choice of missing modalities, the first with none missing. */
export function missingRows(result: Results, metric: string): Row[] {
  const clean = cleanSet(result);
  const sets = [...(clean === undefined ? [] : [clean]), ...result.sets.filter(isMissing)];
  return sets.flatMap((set) => {
    const group =
      set.noise === null ? 'nothing missing' : `no ${(set.noise.modalities ?? []).join(', ')}`;
    return result.methods.flatMap((method) => {
      const row = result.row(method, set.name, metric);
      if (row === undefined || row.mean === null) return [];
      const [low, high] = intervalOf(row) ?? [null, null];
      return [{ group, series: method, mean: row.mean, low, high }];
    });
  });
}
