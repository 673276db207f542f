import type { EvaluationSet, ResultRow } from '../experiments/results';
import { directionOf } from './format';
import { isJoint, pOf, SIGNIFICANT, type Results } from './results';

/** Noise that sentences are about, the first that there is: at its highest level. */
const HEADLINE_KINDS = ['gaussian', 'laplace', 'erase', 'replace', 'frame', 'block', 'modality'];

/** The best method on one test set, and the one it is measured against. */
export interface Finding {
  readonly set: EvaluationSet;
  readonly metric: string;
  readonly direction: 'higher' | 'lower';
  readonly best: ResultRow & { readonly mean: number };
  /** The first method; where that is the best, the second best. Undefined where there is but one method. */
  readonly other: (ResultRow & { readonly mean: number }) | undefined;
  /** Of the difference between the two, corrected where corrections were made; null where it was not tested. */
  readonly p: number | null;
  /** The same, not corrected. */
  readonly alone: number | null;
}

/** How a method compares with the first one over noisy test sets. */
export interface Tally {
  readonly method: string;
  readonly sets: number;
  readonly better: number;
  readonly significantlyBetter: number;
  readonly significantlyWorse: number;
  /** Sets with a test of the difference. */
  readonly tested: number;
}

/** The noisy test set that the main result is told for: noise of the first kind there is on all modalities, at its highest level. */
export function headlineSet({ sets, methods, rows }: Results): EvaluationSet | undefined {
  const measured = new Set(rows.filter(({ mean }) => mean !== null).map(({ set }) => set));
  const noisy = sets.filter((set) => isJoint(set) && measured.has(set.name));
  if (methods.length === 0) return undefined;
  for (const kind of HEADLINE_KINDS) {
    const candidates = noisy.filter(({ noise }) => noise?.kind === kind);
    const [highest] = candidates.sort((a, b) => levelOf(b) - levelOf(a));
    if (highest !== undefined) return highest;
  }
  return noisy[0];
}

function levelOf({ noise }: EvaluationSet): number {
  return noise?.level ?? 0;
}

/** The test data as they are; undefined where they were not evaluated. */
export function cleanSet({ sets }: Results): EvaluationSet | undefined {
  return sets.find(({ noise, split }) => noise === null && split === 'test');
}

/** Who is best on a test set, and by how much; undefined where nothing was measured. */
export function findBest(results: Results, set: EvaluationSet): Finding | undefined {
  const { metric, methods } = results;
  if (metric === undefined) return undefined;
  const direction = directionOf(metric);
  const rows = methods
    .map((method) => results.row(method, set.name, metric))
    .filter((row) => row !== undefined)
    .filter((row): row is Finding['best'] => row.mean !== null);
  const [best, second] = [...rows].sort((a, b) => (isBetter(a.mean, b.mean, direction) ? -1 : 1));
  if (best === undefined) return undefined;
  const reference = rows.find(({ method }) => method === methods[0]);
  const other = reference === best ? second : (reference ?? second);
  const tested = other === reference ? best : other;
  const row = reference === undefined || other === undefined ? undefined : tested;
  const p = row === undefined ? null : pOf(row);
  return { set, metric, direction, best, other, p, alone: row?.p ?? null };
}

/** How `method` compares with the first one over all noise on all modalities at once. */
export function tally(results: Results, method: string): Tally {
  const { metric, methods, sets } = results;
  const counts = { sets: 0, better: 0, significantlyBetter: 0, significantlyWorse: 0, tested: 0 };
  for (const { name } of sets.filter(isJoint)) {
    if (metric === undefined) break;
    const row = results.row(method, name, metric);
    const reference = results.mean(methods[0] as string, name, metric);
    if (row === undefined || row.mean === null || reference === null) continue;
    const better = isBetter(row.mean, reference, directionOf(metric));
    const p = pOf(row);
    counts.sets += 1;
    if (better) counts.better += 1;
    if (p === null) continue;
    counts.tested += 1;
    if (p < SIGNIFICANT && better) counts.significantlyBetter += 1;
    if (p < SIGNIFICANT && !better) counts.significantlyWorse += 1;
  }
  return { method, ...counts };
}

/** Differences of a metric on one test set that were tested together. */
export function testsOf({ rows }: Results, metric: string, set: string): number {
  return rows.filter((row) => row.metric === metric && row.set === set && row.p !== null).length;
}

export function isBetter(a: number, b: number, direction: 'higher' | 'lower'): boolean {
  return direction === 'lower' ? a < b : a > b;
}
