import type { EvaluationSet } from '../../experiments/results';
import type { Chapter } from '../chapter';
import { curveChart } from '../charts/curve';
import type { Figure, Row } from '../figure';
import { html } from '../page/html';
import { intervalOf, intervalWords, isMissing, type Results } from '../results';
import type { Block, Section } from '../section';
import { inOrder, kindAxis, kindTitle } from '../words';
import { cleanSet } from '../findings';

/** Test sets of one kind of noise on the same modalities, by rising level from clean. */
export interface NoiseCurve {
  readonly kind: string;
  /** Null: all. */
  readonly modalities: readonly string[] | null;
  readonly sets: readonly { readonly level: number; readonly set: string }[];
}

/** Curves of a metric over rising noise, a panel a kind: all modalities at once, then each alone. */
export function curvesSection({ results }: Chapter): Section | null {
  const [result] = [...results].sort((a, b) => b.sets.length - a.sets.length);
  const metric = result?.metric;
  if (result === undefined || metric === undefined) return null;
  const curves = noiseCurves(result);
  if (curves.length === 0) return null;
  const joint = curves.filter(({ modalities }) => modalities === null);
  const places = [...new Set(curves.flatMap(({ modalities }) => modalities?.join(' + ') ?? []))];
  const intervals = intervalWords(result.rows);
  const blocks: Block[] = [
    html`<p>
      How ${metric} changes with rising noise on the test
      data${joint.length > 0 ? ', on all modalities at once' : ''}. The model is not trained again.
      ${intervals === '' ? null : `Bands are ${intervals}.`}
    </p>`,
    { figures: joint.map((curve) => figure(result, metric, curve)) },
    ...places.map((place) => ({
      summary: `Noise in ${place} alone`,
      blocks: [
        {
          figures: curves
            .filter(({ modalities }) => modalities?.join(' + ') === place)
            .map((curve) => figure(result, metric, curve)),
        },
      ],
    })),
  ];
  return { title: 'Noise curves', blocks };
}

/** Curves that can be drawn: clean data and at least one level of noise. */
export function noiseCurves(result: Results): NoiseCurve[] {
  const clean = cleanSet(result);
  const groups = new Map<string, EvaluationSet[]>();
  for (const set of result.sets) {
    if (set.noise === null) continue;
    const key = JSON.stringify([set.noise.kind, set.noise.modalities]);
    groups.set(key, [...(groups.get(key) ?? []), set]);
  }
  const curves = [...groups.values()].flatMap((sets) => {
    const { kind, modalities } = sets[0]?.noise as NonNullable<EvaluationSet['noise']>;
    const points = sets.map(({ name, noise }) => ({ level: noise?.level ?? 0, set: name }));
    if (clean !== undefined && !points.some(({ level }) => level === 0)) {
      points.unshift({ level: 0, set: clean.name });
    }
    points.sort((a, b) => a.level - b.level);
    // A modality that is missing altogether has bars of its own.
    if (points.length < 2 || (sets.length === 1 && isMissing(sets[0] as EvaluationSet))) return [];
    return [{ kind, modalities, sets: points }];
  });
  const order = inOrder([...new Set(curves.map(({ kind }) => kind))]);
  return curves.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
}

/** Rows of one panel. */
export function curveRows(result: Results, metric: string, curve: NoiseCurve): Row[] {
  return result.methods.flatMap((method) =>
    curve.sets.flatMap(({ level, set }) => {
      const row = result.row(method, set, metric);
      if (row === undefined || row.mean === null) return [];
      const [low, high] = intervalOf(row) ?? [null, null];
      return [{ series: method, x: level, mean: row.mean, low, high, set }];
    }),
  );
}

function figure(result: Results, metric: string, curve: NoiseCurve): Figure {
  const { kind, modalities } = curve;
  const place = modalities === null ? 'all modalities' : modalities.join(' + ');
  return {
    name: `noise-${kind}-${modalities === null ? 'all' : modalities.join('-')}`,
    title: modalities === null ? kindTitle(kind) : `${kindTitle(kind)} in ${place}`,
    description: `${metric} of ${result.methods.join(', ')} over rising levels of ${kind} noise on ${place}.`,
    rows: curveRows(result, metric, curve),
    spec: curveChart({ x: kindAxis(kind), metric }, result.methods),
    height: 220,
    width: 460,
  };
}
