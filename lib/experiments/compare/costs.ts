import { mean } from '../statistics';
import type { Comparison, Cost } from '../results';
import type { Outcome } from './run';

/** What each method costs: of each figure, the mean over its seeds. */
export function costsOf(outcomes: readonly Outcome[]): Comparison['costs'] {
  const methods = [...new Set(outcomes.map(({ method }) => method))];
  return Object.fromEntries(
    methods.map((name) => {
      const costs = outcomes.flatMap(({ method, cost }) =>
        method === name && cost !== null ? [cost] : [],
      );
      return [name, meanCost(costs)];
    }),
  );
}

function meanCost(costs: readonly Cost[]): Cost {
  const keys = Object.keys(costs[0] ?? {}) as (keyof Cost)[];
  return Object.fromEntries(
    keys.map((key) => [key, mean(costs.map((cost) => cost[key]))]),
  ) as unknown as Cost;
}
