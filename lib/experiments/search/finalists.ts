import type { SearchResult, Trial } from '../results';
import { CmirError } from '../../errors';
import { inParallel } from '../pool';
import type { Plan } from './plan';
import { scoreOf } from './trial';

/** Seeds of the finalists, far from those of trials and of comparisons. */
const FIRST_SEED = 2_000_000;

export interface Choice {
  readonly best: Trial;
  readonly seeds: SearchResult['seeds'];
}

export interface FinalOptions {
  readonly finalists: number;
  readonly seeds: number;
  readonly parallel: number;
  readonly signal: AbortSignal | undefined;
}

/** Trains the best trials again with fresh seeds: one lucky seed of many trials is no good judge. */
export async function chooseBest(
  plan: Plan,
  trials: readonly Trial[],
  direction: 'higher' | 'lower',
  { finalists: count, seeds, parallel, signal }: FinalOptions,
): Promise<Choice> {
  const sign = direction === 'higher' ? -1 : 1;
  const ranked = trials
    .filter((trial): trial is Trial & { score: number } => trial.score !== null)
    .sort((a, b) => sign * (a.score - b.score));
  const finalists = ranked.slice(0, count);
  if (finalists[0] === undefined) {
    const reason = trials.find(({ message }) => message !== undefined)?.message ?? 'none was run';
    throw new CmirError(
      'ERR_CMIR_DIVERGED',
      `no trial of ${String(trials.length)} has a score: ${reason}`,
    );
  }
  const numbers = Array.from({ length: seeds }, (_, index) => index);
  const runs = finalists.flatMap(({ trial }) =>
    numbers.map((number) => ({ trial, seed: FIRST_SEED + number })),
  );
  const scores = await inParallel(
    runs,
    parallel,
    async ({ trial, seed }) => ({
      trial,
      seed,
      score: await scoreOf(plan.optionsOf(trial, seed), plan.data, signal),
    }),
    signal,
  );
  const choices = finalists.map((best) => ({
    best,
    seeds: scores
      .filter(({ trial }) => trial === best.trial)
      .map(({ seed, score }) => ({ seed, score })),
  }));
  // A seed without a score is worse than any.
  const badness = ({ seeds, best }: Choice): number =>
    seeds.length === 0
      ? sign * (best.score ?? Infinity)
      : seeds.reduce((sum, { score }) => sum + (score === null ? Infinity : sign * score), 0);
  return choices.reduce((a, b) => (badness(b) < badness(a) ? b : a));
}
