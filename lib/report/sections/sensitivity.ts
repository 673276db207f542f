import type { SensitivityRow } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { curveChart } from '../charts/curve';
import type { Figure, Row } from '../figure';
import { isWide } from '../format';
import { html } from '../page/html';
import type { Section } from '../section';

/** Lines of a chart. */
const MOST_SETS = 6;

/** How the main metric answers to one setting at a time. */
export function sensitivitySection({ sensitivity }: Chapter): Section | null {
  const metric = mainMetric(sensitivity ?? []);
  if (sensitivity === undefined || metric === undefined) return null;
  const rows = fewSets(sensitivity.filter((row) => row.metric === metric));
  const keys = [...new Set(rows.map(({ key }) => key))];
  const figures = keys.map((key) =>
    figureOf(
      metric,
      key,
      rows.filter((row) => row.key === key),
    ),
  );
  return {
    title: 'Sensitivity to settings',
    blocks: [
      html`<p>
        ${metric} as one setting changes and all others stay as they are. Bands are one standard
        deviation over seeds on each side.
      </p>`,
      { figures },
    ],
  };
}

/** Where there are many test sets, those with noise on one modality alone are left out. */
export function fewSets(rows: readonly SensitivityRow[]): readonly SensitivityRow[] {
  if (new Set(rows.map(({ set }) => set)).size <= MOST_SETS) return rows;
  const joint = rows.filter(({ set }) => !set.includes('@'));
  return joint.length === 0 ? rows : joint;
}

function mainMetric(rows: readonly SensitivityRow[]): string | undefined {
  return (
    ['MAE', 'Acc'].find((name) => rows.some(({ metric }) => metric === name)) ?? rows[0]?.metric
  );
}

function figureOf(metric: string, key: string, rows: readonly SensitivityRow[]): Figure {
  const sets = [...new Set(rows.map(({ set }) => set))];
  const values = [...new Set(rows.map(({ value }) => value))];
  return {
    name: `sensitivity-${key}`,
    title: key,
    description: `${metric} over values of ${key} on ${sets.join(', ')}.`,
    rows: sensitivityRows(rows),
    spec: curveChart({ x: key, metric, log: isWide(values), ticks: values }, sets),
    height: 200,
    width: 460,
  };
}

export function sensitivityRows(rows: readonly SensitivityRow[]): Row[] {
  return [...rows]
    .sort((a, b) => a.value - b.value)
    .flatMap(({ set, value, mean, std }) => {
      if (mean === null) return [];
      const [low, high] = std === null ? [null, null] : [mean - std, mean + std];
      return [{ series: set, x: value, mean, low, high }];
    });
}
