import { resolveSplitOptions, type SplitOptions } from '../../../lib/data/split/options';
import { errorOf } from '../fixture';

test('what is not given has a default', () => {
  expect(resolveSplitOptions({ by: 'random' })).toEqual({
    by: 'random',
    seed: 1,
    fractions: { train: 0.7, valid: 0.1, test: 0.2 },
    stratify: true,
    bins: 10,
  });
  expect(resolveSplitOptions({ by: 'words', annealing: { rounds: 3 } })).toMatchObject({
    objective: 'decorrelate',
    size: null,
    annealing: { temperature: 0.1, cooling: 0.98, rounds: 3, moves: null },
  });
});

test('fractions are taken as a whole, not put over the defaults', () => {
  const fractions = { train: 0.5, test: 0.5 };
  expect(resolveSplitOptions({ by: 'group', fractions })).toMatchObject({ fractions });
});

test.each<[unknown, string]>([
  [{ by: 'rnadom' }, 'split: by: found "rnadom", expected random, group, kfold, words'],
  [{}, 'split: by: found nothing, expected random, group, kfold, words'],
  [{ by: 'random', seed: -1 }, 'split by random: seed: found -1, expected at least 0'],
  [{ by: 'random', bins: 0 }, 'split by random: bins: found 0, expected more than 0'],
  [{ by: 'random', fractions: { train: 0.5 } }, 'expected shares that add up to 1'],
  [{ by: 'random', fractions: { train: 2 } }, 'fractions.train: found 2, expected at most 1'],
  [
    { by: 'random', fractions: { trian: 1 } },
    "unknown key 'fractions.trian'; did you mean 'fractions.train'?",
  ],
  [
    { by: 'group', minCount: 3 },
    "split by group: found option 'minCount', which belongs to by words",
  ],
  [
    { by: 'words', stratify: true },
    "split by words: found option 'stratify', which belongs to by random and kfold",
  ],
  [{ by: 'words', mincount: 3 }, "unknown key 'mincount'; did you mean 'minCount'?"],
  [
    { by: 'words', annealing: { round: 2 } },
    "unknown key 'annealing.round'; did you mean 'annealing.rounds'?",
  ],
  [{ by: 'words', pool: 'train' }, 'split by words: pool: found "train", expected test, all'],
  [{ by: 'words', annealing: { cooling: 1.1 } }, 'annealing.cooling: found 1.1'],
  [{ by: 'kfold', k: 2 }, 'split by kfold: k: found 2, expected at least 3'],
  [{ by: 'kfold', k: 4, fold: 5 }, 'split by kfold: fold: found 5, expected 1 to 4, one of k'],
])('refuses %j', async (options, message) => {
  const error = await errorOf(() => resolveSplitOptions(options as SplitOptions));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toContain(message);
});
