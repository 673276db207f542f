import type { Comparison } from '../results';
import { pivot, type Pivot } from '../tables/pivot';

/** The metrics that tables show, in this order; the file has all. */
const SHOWN = { regression: ['MAE', 'Non0_acc_2', 'Corr'], classification: ['Acc', 'F1_score'] };

/** Levels that tables show of each kind of noise on all modalities; the file has all. */
const LEVELS: Readonly<Record<string, readonly number[]>> = {
  gaussian: [0.7, 1.4],
  laplace: [0.7],
  erase: [0.5, 0.7],
};

/** A comparison as tables, one a metric: without noise, a few levels of it, each modality missing. */
export function tablesOf(comparison: Comparison): Pivot[] {
  const sets = comparison.sets.filter(({ noise }) => {
    if (noise === null) return true;
    const { kind, level, modalities } = noise;
    if (kind === 'modality') return level === 1 && modalities?.length === 1;
    return modalities === null && (LEVELS[kind] ?? [0.5]).includes(level);
  });
  const names = sets.map(({ name }) => name);
  return SHOWN[comparison.task].map((metric) => pivot(comparison, metric, names));
}
