import type { Dataset } from '../../data/dataset';
import type { Comparison } from '../results';
import type { Outcome } from './run';
import { costOf } from '../cost';

/** What each method costs; seconds and epochs are means over its seeds. */
export function costsOf(outcomes: readonly Outcome[], _dataset: Dataset): Comparison['costs'] {
  const methods = [...new Set(outcomes.map(({ method }) => method))];
  return Object.fromEntries(
    methods.map((name) => {
      const own = outcomes.filter(({ method }) => method === name);
      return [name, costOf(own)];
    }),
  );
}
