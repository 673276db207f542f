import { environmentList, resolveConfig } from '../../lib/config';
import { findMethod, METHODS, methodOptions } from '../../lib/experiments/methods';
import { mergeOptions, nestedOptions } from '../../lib/experiments/options';
import { drawValues } from '../../lib/experiments/space';

const configOf = (name: string): ReturnType<typeof resolveConfig> =>
  resolveConfig(methodOptions(findMethod(name), {}));

test('each method is a configuration that holds what its name says', () => {
  const weights = (name: string): readonly number[] => {
    const { invariance, decorrelation, reconstruction } = configOf(name).weights;
    return [invariance, decorrelation, reconstruction];
  };
  const kinds = (name: string): Set<string> =>
    new Set(environmentList(configOf(name).environments).map(({ kind }) => kind));
  expect(weights('fusion')).toEqual([0, 0, 0]);
  expect(kinds('fusion')).toEqual(new Set());
  expect(weights('augmentation')).toEqual([0, 0, 0]);
  expect(kinds('augmentation')).toEqual(new Set(['gaussian']));
  expect(Math.min(...weights('cmir'))).toBeGreaterThan(0);
  expect(kinds('cmir')).toEqual(new Set(['gaussian']));
  expect(kinds('cmir-mixed')).toEqual(new Set(['gaussian', 'erase', 'drop']));
  expect(weights('vrex')).toEqual([0, 0, 0]);
  expect(configOf('vrex').weights.risk).toBeGreaterThan(0);
  for (const [index, term] of ['invariance', 'decorrelation', 'reconstruction'].entries()) {
    const whole = weights('cmir-mixed');
    expect(weights(`cmir-mixed-no-${term}`)).toEqual(whole.map((w, i) => (i === index ? 0 : w)));
  }
});

test('every draw of every method is a configuration', () => {
  for (const method of METHODS) {
    for (let trial = 0; trial < 30; trial += 1) {
      const drawn = nestedOptions(drawValues(method.space, 1, trial));
      expect(() => resolveConfig(methodOptions(method, {}, drawn))).not.toThrow();
    }
  }
});

test('what makes a method is above what a search found, and that above the user’s options', () => {
  const tuned = { weights: { invariance: 7, decorrelation: 8 }, model: { hidden: 32 } };
  const base = { model: { hidden: 16, latent: 8 }, seed: 5 };
  expect(methodOptions(findMethod('cmir-no-invariance'), base, tuned)).toEqual({
    weights: { invariance: 0, decorrelation: 8 },
    model: { hidden: 32, latent: 8 },
    seed: 5,
  });
});

test('an unknown method is refused with the nearest', () => {
  expect(() => findMethod('cmir-mix')).toThrow(/did you mean 'cmir-mixed'/);
  expect(() => findMethod('x')).toThrow(/unknown method 'x', expected one of fusion, /);
});

test('merging replaces lists and keeps what it is given', () => {
  const base = { environments: { count: 2 }, weights: { invariance: 1 } };
  const merged = mergeOptions(base, { environments: [], weights: { reconstruction: 2 } });
  expect(merged).toEqual({ environments: [], weights: { invariance: 1, reconstruction: 2 } });
  expect(base).toEqual({ environments: { count: 2 }, weights: { invariance: 1 } });
  expect(nestedOptions({ 'a.b': 1, 'a.c': 2, d: [3] })).toEqual({
    a: { b: 1, c: 2 },
    d: [3],
  });
});
