import type { Chapter } from '../chapter';
import { confusionChart } from '../charts/confusion';
import { truthChart } from '../charts/truth';
import type { Figure, Row } from '../figure';
import { plural, rounded } from '../format';
import type { ModelView } from '../models';
import { html } from '../page/html';
import type { Section } from '../section';

/** Points of a chart: more would hide each other. */
const MOST_POINTS = 500;

/** What models predict of the test split: values against true ones, or the confusions of classes. */
export function predictionsSection({ models }: Chapter): Section | null {
  if (models.length === 0) return null;
  const isRegression = models.some(({ task }) => task === 'regression');
  const [first] = models;
  const count = first?.targets.length ?? 0;
  const seeds = models.map(({ method, seed }) => `${method} ${String(seed)}`).join(', ');
  const words = isRegression
    ? `Predicted against true values of ${plural(count, 'test example')}` +
      (count > MOST_POINTS ? `, ${String(MOST_POINTS)} of which are drawn` : '') +
      '. On the line a prediction is right; a flatter cloud means cautious predictions.'
    : `Rows are the true classes of ${plural(count, 'test example')}, columns what was predicted. A darker cell is a larger share of its row; the diagonal is right.`;
  return {
    title: isRegression ? 'Predicted and true values' : 'Which classes are confused',
    blocks: [
      html`<p>${words} One run a method, of seed: ${seeds}.</p>`,
      { figures: models.map((model) => figureOf(model, models)) },
    ],
  };
}

function figureOf(model: ModelView, all: readonly ModelView[]): Figure {
  const { method, classes } = model;
  const index = all.indexOf(model);
  if (classes === null) {
    const rows = truthRows(model);
    return {
      name: `predictions-${String(index + 1)}`,
      title: method,
      description: `Predicted against true values of ${method}, a point an example.`,
      rows,
      spec: truthChart(extentOf(all)),
      height: 260,
      width: 340,
    };
  }
  return {
    name: `confusion-${String(index + 1)}`,
    title: method,
    description: `How often ${method} predicts each class of each true one.`,
    rows: confusionRows(model, classes),
    spec: confusionChart(classes),
    height: Math.max(160, 34 * classes.length),
    width: 340,
  };
}

/** The same examples of every model, spread evenly over the split. */
export function truthRows({ targets, predictions }: ModelView): Row[] {
  const step = Math.max(1, targets.length / MOST_POINTS);
  const count = Math.min(targets.length, MOST_POINTS);
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor(i * step);
    return {
      target: rounded(targets[row] as number, 4),
      predicted: rounded(predictions[row] as number, 4),
    };
  });
}

/** A row a pair of classes; shares are of the true class's examples, 0 where it has none. */
export function confusionRows(
  { targets, predictions }: Pick<ModelView, 'targets' | 'predictions'>,
  classes: readonly string[],
): Row[] {
  const counts = classes.map(() => classes.map(() => 0));
  targets.forEach((target, i) => {
    const row = counts[target] as number[];
    (row[predictions[i] as number] as number) += 1;
  });
  return classes.flatMap((target, t) => {
    const row = counts[t] as number[];
    const total = row.reduce((sum, count) => sum + count, 0);
    return classes.map((predicted, p) => {
      const count = row[p] as number;
      return { target, predicted, count, share: total === 0 ? 0 : count / total };
    });
  });
}

/** From the lowest to the highest value of all models: their charts can be compared. */
function extentOf(models: readonly ModelView[]): [number, number] {
  const values = models.flatMap(({ targets, predictions }) => [...targets, ...predictions]);
  return [
    values.reduce((low, value) => Math.min(low, value), Infinity),
    values.reduce((high, value) => Math.max(high, value), -Infinity),
  ];
}
