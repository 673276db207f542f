import { metricDirection, type Metrics } from '../metrics';
import type { AreaRow, EvaluationSet, ResultRow } from './results';
import {
  bootstrapMean,
  definedPairs,
  holm,
  mean,
  pairedTTest,
  standardDeviation,
  wilcoxonSignedRank,
  type Values,
} from './statistics';

/** What the models of one method, one a seed, came to on the test sets: `outcomes[seed][set]`. */
export interface MethodOutcomes {
  readonly method: string;
  readonly seeds: readonly number[];
  readonly outcomes: readonly Readonly<Record<string, Metrics>>[];
}

/** Level up to which areas go: that of the sweep noise-v1. */
const AREA_TO = 0.7;

/**
 * A row a set, metric and method, in this order. Tests are paired by seed against the first method, where both have
 * the same seeds; Holm's correction is over the methods of a set and metric. It is not over the sets: those of a sweep
 * are the same noise at many levels, and a longer sweep must not make a difference vanish.
 */
export function resultRows(
  methods: readonly MethodOutcomes[],
  sets: readonly EvaluationSet[],
  metrics: readonly string[],
): ResultRow[] {
  return sets.flatMap(({ name }) =>
    metrics.flatMap((metric) => {
      const rows = rowsOf(methods, name, metric);
      const corrected = holm(rows.map(({ p }) => p));
      return rows.map((row, index): ResultRow => ({ ...row, p_holm: corrected[index] ?? null }));
    }),
  );
}

function rowsOf(methods: readonly MethodOutcomes[], set: string, metric: string): ResultRow[] {
  const valuesOf = ({ outcomes }: MethodOutcomes): (number | null)[] =>
    outcomes.map((outcome) => outcome[set]?.[metric] ?? null);
  const [first] = methods;
  return methods.map((method) => {
    const values = valuesOf(method);
    const isPaired =
      first !== undefined && method !== first && first.seeds.join() === method.seeds.join();
    return {
      method: method.method,
      set,
      metric,
      ...summary(values),
      values,
      ci: bootstrapMean(values.filter((value) => value !== null)).ci,
      ...tests(isPaired ? [values, valuesOf(first)] : undefined),
    };
  });
}

/** Mean and deviation of the values that are defined. */
export function summary(values: Values): Pick<ResultRow, 'mean' | 'std'> {
  return { mean: mean(values), std: standardDeviation(values) };
}

function tests(pair: [Values, Values] | undefined): Pick<ResultRow, 'p' | 'p_wilcoxon'> {
  if (pair === undefined) return { p: null, p_wilcoxon: null };
  const { first, second } = definedPairs(...pair);
  return { p: pairedTTest(first, second).p, p_wilcoxon: wilcoxonSignedRank(first, second).p };
}

/** Areas under the curves of mean values over levels from 0, which is clean, to 0.7, or the highest level below. */
export function areaRows(
  rows: readonly ResultRow[],
  sets: readonly EvaluationSet[],
  methods: readonly string[],
  metrics: readonly string[],
): AreaRow[] {
  const means = new Map(rows.map((row) => [keyOf(row), row.mean]));
  return curvesOf(sets).flatMap(({ kind, modalities, points }) =>
    metrics.flatMap((metric) =>
      methods.map((method) => {
        const curve = points.map(({ level, set }) => ({
          level,
          value: means.get(keyOf({ method, set, metric })) ?? null,
        }));
        return { method, kind, modalities, metric, ...summaryOf(curve, metric) };
      }),
    ),
  );
}

function keyOf({ method, set, metric }: Pick<ResultRow, 'method' | 'set' | 'metric'>): string {
  return JSON.stringify([method, set, metric]);
}

/** Sets of one kind on the same modalities, by rising level. */
export interface NoiseCurve {
  readonly kind: string;
  /** Joined by +; all. */
  readonly modalities: string;
  /** The first is clean, at level 0. */
  readonly points: readonly { readonly level: number; readonly set: string }[];
}

/** The curves that can be drawn from the sets: noise at two levels from 0 up to `to`, clean being one. */
export function curvesOf(sets: readonly EvaluationSet[], to = AREA_TO): NoiseCurve[] {
  const clean = sets.find(({ noise, split }) => noise === null && split === 'test');
  if (clean === undefined) return [];
  const curves = new Map<string, NoiseCurve & { points: { level: number; set: string }[] }>();
  for (const { name, noise } of sets) {
    if (noise === null || noise.level > to) continue;
    const modalities = noise.modalities?.join('+') ?? 'all';
    const key = JSON.stringify([noise.kind, modalities]);
    const start = { level: 0, set: clean.name };
    const curve = curves.get(key) ?? { kind: noise.kind, modalities, points: [start] };
    curve.points.push({ level: noise.level, set: name });
    curves.set(key, curve);
  }
  const all = [...curves.values()];
  for (const { points } of all) points.sort((a, b) => a.level - b.level);
  return all;
}

/** Null throughout where a value of the curve is. */
function summaryOf(
  curve: readonly { level: number; value: number | null }[],
  metric: string,
): Pick<AreaRow, 'area' | 'drop' | 'worst' | 'to'> {
  const to = curve.at(-1)?.level ?? 0;
  const values = curve.flatMap(({ value }) => value ?? []);
  if (values.length < curve.length) return { area: null, drop: null, worst: null, to };
  const trapezoids = curve.slice(1).map(({ level }, i) => {
    const width = level - (curve[i]?.level ?? 0);
    return (width * ((values[i] as number) + (values[i + 1] as number))) / 2;
  });
  return {
    area: trapezoids.reduce((a, b) => a + b, 0) / to,
    drop: (values.at(-1) as number) - (values[0] as number),
    worst: metricDirection(metric) === 'higher' ? Math.min(...values) : Math.max(...values),
    to,
  };
}
