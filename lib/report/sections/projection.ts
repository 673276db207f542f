import type { Chapter } from '../chapter';
import { projectionChart } from '../charts/projection';
import type { Figure, Row } from '../figure';
import { rounded } from '../format';
import type { ModelView } from '../models';
import { html } from '../page/html';
import type { Projection } from '../pca';
import type { Section } from '../section';

/** Points of a chart. */
const MOST_POINTS = 400;

const PARTS = { invariant: 'invariant codes', spurious: 'spurious codes' } as const;

/** The codes of models in their two main directions, coloured by label. */
export function projectionSection({ models }: Chapter): Section | null {
  if (models.length === 0) return null;
  return {
    title: 'What the codes hold',
    blocks: [
      html`<p>
        Each point is a test example’s code of all modalities, seen along the two directions in
        which the codes vary most (principal components). Predictions see the invariant codes alone:
        there, colours should be sorted. Where they are sorted in the spurious codes too, those know
        about the label.
      </p>`,
      {
        figures: models.flatMap((model, i) =>
          (['invariant', 'spurious'] as const).map((part) => figureOf(model, part, i)),
        ),
      },
    ],
  };
}

function figureOf(model: ModelView, part: keyof typeof PARTS, index: number): Figure {
  const { method, label, classes } = model;
  const [first, second] = model[part].explained.map((share) => `${(100 * share).toFixed(0)} %`);
  return {
    name: `codes-${String(index + 1)}-${part}`,
    title: `${method}: ${PARTS[part]}`,
    description: `The ${PARTS[part]} of ${method} in their two main directions, coloured by ${label}.`,
    rows: projectionRows(model, model[part]),
    spec: projectionChart({
      x: `first component (${first ?? ''} of the variance)`,
      y: `second (${second ?? ''})`,
      label,
      classes,
    }),
    height: 260,
    width: 460,
  };
}

export function projectionRows(
  { targets, classes }: Pick<ModelView, 'targets' | 'classes'>,
  { points }: Projection,
): Row[] {
  const all = points.length / 2;
  const count = Math.min(all, MOST_POINTS);
  return Array.from({ length: count }, (_, i) => {
    const row = Math.floor((i * all) / count);
    const target = targets[row] as number;
    return {
      x: rounded(points[2 * row] as number, 4),
      y: rounded(points[2 * row + 1] as number, 4),
      label: classes === null ? rounded(target, 4) : (classes[target] ?? ''),
    };
  });
}
