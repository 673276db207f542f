import { existsSync } from 'node:fs';
import { getEventListeners } from 'node:events';

import {
  compare,
  loadDataset,
  probeModel,
  robustness,
  search,
  sensitivity,
  standardSets,
  train,
  trainEpochs,
  type Model,
  type Options,
} from '../../lib';
import { TINY, errorOf, freshPath, removeFresh, tinyDataset } from '../training/fixture';

const data = tinyDataset();
const endless: Options = {
  ...TINY,
  training: { ...TINY.training, epochs: 1_000_000, patience: 0 },
};
let model: Model;

beforeAll(async () => {
  ({ model } = await train(data, TINY));
});
afterAll(() => {
  model.dispose();
  removeFresh();
});

type Work = (signal: AbortSignal) => Promise<unknown>;

async function drain(signal: AbortSignal, options: Options): Promise<void> {
  for await (const epoch of trainEpochs(data, options, { signal }))
    expect(epoch.epoch).toBeGreaterThan(0);
}

const SEARCH = { trials: 2, parallel: 1, finalists: 1, seeds: 1, options: endless } as const;
const space = { 'model.hidden': { choice: [8, 16] } };

/** All that takes a signal; of each, work that would not end by itself where it can be had. */
const ENDLESS: Record<string, Work> = {
  train: (signal) => train(data, endless, { signal }),
  trainEpochs: (signal) => drain(signal, endless),
  search: (signal) => search(data, { ...SEARCH, space, signal }),
  compare: (signal) => compare(data, { methods: ['fusion'], seeds: 1, options: endless, signal }),
};
const ALL: Record<string, Work> = {
  ...ENDLESS,
  loadDataset: (signal) => loadDataset('no such folder', { signal }),
  predict: (signal) => model.predict(data.test, { signal }),
  evaluate: (signal) => model.evaluate(data.test, { signal }),
  encode: (signal) => model.encode(data.test, { signal }),
  robustness: (signal) => robustness({ cmir: [model] }, data, standardSets(data), { signal }),
  sensitivity: (signal) => sensitivity({ base: TINY, signal, evaluate: () => Promise.resolve([]) }),
  probeModel: (signal) => probeModel(model, data, { signal }),
};

test.each(Object.entries(ALL))('%s does not begin for a signal that has fired', async (_, work) => {
  const reason = new Error('no');
  const error = await errorOf(() => work(AbortSignal.abort(reason)));
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(reason);
});

test.each(Object.entries(ENDLESS))('%s ends when its time is over', async (_, work) => {
  const error = await errorOf(() => work(AbortSignal.timeout(100)));
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toMatchObject({ name: 'TimeoutError' });
});

test('a prediction whose signal fires as it runs is rejected, and the next is served', async () => {
  const stop = new AbortController();
  const stopped = errorOf(() => model.predict(data.test, { signal: stop.signal }));
  const next = model.predict(data.test);
  // The first has left the event loop by then, and the second waits for it.
  await Promise.resolve().then(() => undefined);
  stop.abort(new Error('enough'));
  const { code, cause } = await stopped;
  expect(code).toBe('ERR_CMIR_ABORTED');
  expect(cause).toBe(stop.signal.reason);
  expect((await next).predictions).toHaveLength(24);
});

test('a signal that has fired leaves no folder of a search', async () => {
  const out = freshPath('search');
  const signal = AbortSignal.abort();
  expect((await errorOf(() => search(data, { ...SEARCH, space, out, signal }))).code).toBe(
    'ERR_CMIR_ABORTED',
  );
  expect(existsSync(out)).toBe(false);
});

test('a signal serves many calls and keeps nothing of them', async () => {
  const stop = new AbortController();
  for (let i = 0; i < 3; i++) {
    const run = await train(data, TINY, { signal: stop.signal });
    await run.model.predict(data.test, { signal: stop.signal });
    run.model.dispose();
  }
  expect(getEventListeners(stop.signal, 'abort')).toEqual([]);
});

test('any of several signals stops a training', async () => {
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(2 ** 31 - 1)]);
  const onEpoch = (): void => {
    stop.abort(new Error('enough'));
  };
  const error = await errorOf(() => train(data, endless, { signal, onEpoch }));
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(stop.signal.reason);
});
