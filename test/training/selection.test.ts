import { EarlyStopping } from '../../lib/training/selection';
import { errorOf } from './fixture';

const report = (metrics: Record<string, number | null>) => ({ metrics, undefined: {} });

/** Feeds scores of epochs 1, 2, ...; tells which were the best so far, and when it wanted to stop. */
function follow(stopping: EarlyStopping, metric: string, scores: (number | null)[]) {
  const best = scores.map((score, i) => stopping.isBest(i + 1, report({ [metric]: score })));
  return { best, stop: stopping.shouldStop };
}

test('less is better for an error, ties are not better', () => {
  const stopping = new EarlyStopping('MAE', 3, undefined);
  const { best, stop } = follow(stopping, 'MAE', [1, 1.2, 0.9, 0.9, 0.95]);
  expect(best).toEqual([true, false, true, false, false]);
  expect([stopping.bestEpoch, stopping.bestScore, stopping.stale, stop]).toEqual([
    3,
    0.9,
    2,
    false,
  ]);
  stopping.isBest(6, report({ MAE: 1 }));
  expect(stopping.shouldStop).toBe(true);
});

test('more is better for an accuracy', () => {
  const stopping = new EarlyStopping('Acc', 1, undefined);
  expect(follow(stopping, 'Acc', [0.5, 0.7])).toEqual({ best: [true, true], stop: false });
  expect(follow(stopping, 'Acc', [0.6])).toEqual({ best: [false], stop: true });
});

test('a first score of 0 counts as a score', () => {
  const stopping = new EarlyStopping('MAE', 5, undefined);
  expect(follow(stopping, 'MAE', [0, 0.1]).best).toEqual([true, false]);
});

test('an undefined metric is never the best, and costs patience', () => {
  const stopping = new EarlyStopping('Corr', 2, undefined);
  expect(follow(stopping, 'Corr', [null, null])).toEqual({ best: [false, false], stop: true });
  expect(stopping.bestEpoch).toBe(0);
  expect(stopping.isBest(3, report({ Corr: -0.5 }))).toBe(true);
});

test('patience 0 never stops', () => {
  const stopping = new EarlyStopping('MAE', 0, undefined);
  expect(follow(stopping, 'MAE', [1, 2, 2, 2, 2, 2]).stop).toBe(false);
});

test('continues from an earlier run', () => {
  const stopping = new EarlyStopping('MAE', 3, {
    bestEpoch: 4,
    bestScore: 0.5,
    stale: 2,
    stopped: false,
  });
  expect(stopping.isBest(7, report({ MAE: 0.6 }))).toBe(false);
  expect([stopping.bestEpoch, stopping.shouldStop]).toEqual([4, true]);
});

test('refuses a metric it does not know', async () => {
  const error = await errorOf(() => new EarlyStopping('mea', 3, undefined));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toContain("'mea'");
});

test('stops when asked, and stays so when continued', () => {
  const stopping = new EarlyStopping('MAE', 0, undefined);
  stopping.isBest(1, report({ MAE: 1 }));
  expect(stopping.shouldStop).toBe(false);
  stopping.stopped = true;
  expect(stopping.shouldStop).toBe(true);
  expect(new EarlyStopping('MAE', 0, stopping).shouldStop).toBe(true);
});
