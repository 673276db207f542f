import { Halving, type Verdict } from '../../../lib/experiments/search/halving';

const trials = [0, 1, 2, 3, 4, 5];

test('rungs are a ninth and a third of the epochs, where these are epochs of their own', () => {
  expect(new Halving(trials, 90, 'lower').rungs).toEqual([10, 30]);
  expect(new Halving(trials, 3, 'lower').rungs).toEqual([1]);
  expect(new Halving(trials, 1, 'lower').rungs).toEqual([]);
});

test.each(['lower', 'higher'] as const)(
  'the better third goes on, where %s is better',
  async (direction) => {
    const halving = new Halving(trials, 90, direction);
    const scores = [0.5, 0.1, null, 0.9, 0.3, 0.7];
    const verdicts = await Promise.all(
      trials.map((trial) => halving.reach(trial, 10, scores[trial] ?? null)),
    );
    const kept = trials.filter((trial) => verdicts[trial] === 'continue');
    expect(kept).toEqual(direction === 'lower' ? [1, 4] : [3, 5]);
  },
);

test('nothing is decided before the last has come or ended', async () => {
  const halving = new Halving([0, 1, 2], 90, 'lower');
  const verdicts: Verdict[] = [];
  const first = halving.reach(0, 10, 0.4).then((verdict) => verdicts.push(verdict));
  const second = halving.reach(1, 10, 0.2).then((verdict) => verdicts.push(verdict));
  await new Promise((resolve) => setImmediate(resolve));
  expect(verdicts).toEqual([]);
  halving.end(2);
  await Promise.all([first, second]);
  expect(verdicts.sort()).toEqual(['continue', 'stop']);
});

test('those that were stopped hold up no later rung', async () => {
  const halving = new Halving([0, 1, 2], 90, 'lower');
  await Promise.all([0, 1, 2].map((trial) => halving.reach(trial, 10, trial)));
  expect(await halving.reach(0, 30, 0)).toBe('continue');
});

test('ties go to the earlier trial, whoever came first', async () => {
  const halving = new Halving([0, 1, 2], 90, 'lower');
  const [last, middle, first] = await Promise.all(
    [2, 1, 0].map((trial) => halving.reach(trial, 10, 1)),
  );
  expect([first, middle, last]).toEqual(['continue', 'stop', 'stop']);
});
