import { resolveConfig, type Options } from '../../lib/config';
import {
  SENSITIVITY_SETTINGS,
  sensitivity,
  type SensitivityResult,
} from '../../lib/experiments/sensitivity';
import type { SensitivityRow } from '../../lib/experiments/results';
import { errorOf } from '../training/fixture';

const BASE: Options = {
  model: { hidden: 8 },
  environments: { count: 2, intensity: 0.5 },
  weights: { invariance: 1 },
};

/** Remembers what was asked for; the metric is a sum of settings. */
function evaluator(): {
  asked: Options[];
  evaluate: (options: Options) => Promise<SensitivityResult[]>;
} {
  const asked: Options[] = [];
  return {
    asked,
    evaluate: (options) => {
      asked.push(options);
      const { weights, environments } = resolveConfig(options);
      const mae = weights.invariance + 10 * (environments as unknown[]).length;
      return Promise.resolve([
        { set: 'clean', metric: 'MAE', mean: mae, std: 0.5, values: [mae - 0.5, mae + 0.5] },
        { set: 'shifted', metric: 'Corr', mean: null, std: null, values: [null, null] },
      ]);
    },
  };
}

test('a row for every value, set and metric, in order; the base stays as it is', async () => {
  const before = structuredClone(BASE);
  const { asked, evaluate } = evaluator();
  const parts: SensitivityRow[][] = [];
  const rows = await sensitivity({
    base: BASE,
    settings: [
      { key: 'weights.invariance', values: [0, 4] },
      { key: 'environments.count', values: [3] },
    ],
    evaluate,
    onRows: (some) => parts.push([...some]),
  });
  expect(BASE).toEqual(before);
  expect(rows).toEqual(parts.flat());
  expect(parts).toHaveLength(3);
  expect(rows.map(({ key, value, set, metric, mean }) => [key, value, set, metric, mean])).toEqual([
    ['weights.invariance', 0, 'clean', 'MAE', 20],
    ['weights.invariance', 0, 'shifted', 'Corr', null],
    ['weights.invariance', 4, 'clean', 'MAE', 24],
    ['weights.invariance', 4, 'shifted', 'Corr', null],
    ['environments.count', 3, 'clean', 'MAE', 31],
    ['environments.count', 3, 'shifted', 'Corr', null],
  ]);
  expect(rows[2]).toMatchObject({ std: 0.5, values: [23.5, 24.5] });
  // All else is the base's.
  expect(asked[2]).toEqual({ ...BASE, environments: { count: 3, intensity: 0.5 } });
});

test('by default weights, K and intensity, each configuration once', async () => {
  const { asked, evaluate } = evaluator();
  const rows = await sensitivity({ base: {}, evaluate });
  expect(rows).toHaveLength(2 * SENSITIVITY_SETTINGS.flatMap(({ values }) => values).length);
  expect([...new Set(rows.map(({ key }) => key))]).toEqual([
    'weights.invariance',
    'weights.decorrelation',
    'weights.reconstruction',
    'environments.count',
    'environments.intensity',
  ]);
  const configs = asked.map((options) => JSON.stringify(resolveConfig(options)));
  expect(new Set(configs).size).toBe(configs.length);
  // The defaults are one of the values of each of the five.
  expect(configs).toHaveLength(rows.length / 2 - 4);
});

describe('refuses, before anything is trained,', () => {
  test.each<[string, Options, string, number[], string, RegExp]>([
    ['an unknown key', {}, 'weights.invarience', [1], 'ERR_CMIR_CONFIG', /weights\.invariance/],
    [
      'an impossible value',
      {},
      'environments.count',
      [3, 1.5],
      'ERR_CMIR_CONFIG',
      /environments\.count = 1\.5: .*environments\.count/,
    ],
    [
      'values that do not go with the base',
      {},
      'environments.count',
      [3, 0],
      'ERR_CMIR_CONFIG',
      /environments\.count = 0: .*no noisy environment/,
    ],
    ['not a number', {}, 'weights.invariance', [NaN], 'ERR_CMIR_CONFIG', /weights\.invariance/],
    ['a setting without values', {}, 'weights.invariance', [], 'ERR_CMIR_USAGE', /no values/],
    [
      'a key of the ladder where environments are listed',
      { environments: [{ kind: 'erase', intensity: 0.3 }] },
      'environments.intensity',
      [1],
      'ERR_CMIR_USAGE',
      /lists its environments/,
    ],
  ])('%s', async (_, base, key, values, code, message) => {
    const { asked, evaluate } = evaluator();
    const settings = [
      { key: 'weights.decorrelation', values: [1] },
      { key, values },
    ];
    const error = await errorOf(() => sensitivity({ base, settings, evaluate }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(asked).toEqual([]);
  });
});

test('stops between values', async () => {
  const stop = new AbortController();
  const { asked, evaluate } = evaluator();
  const running = sensitivity({
    base: BASE,
    evaluate,
    signal: stop.signal,
    onRows: () => {
      stop.abort();
    },
  });
  expect((await errorOf(() => running)).code).toBe('ERR_CMIR_ABORTED');
  expect(asked).toHaveLength(1);
});
