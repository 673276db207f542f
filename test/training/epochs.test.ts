import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { trainEpochs, type Epochs } from '../../lib/training/epochs';
import type { EpochRecord } from '../../lib/training/history';
import { Model } from '../../lib/training/model';
import { train } from '../../lib/training/train';
import { content } from './content';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

afterAll(removeFresh);
afterEach(() => {
  jest.restoreAllMocks();
});

const data = tinyDataset();
const withoutTime = ({ epoch, loss, valid, best }: EpochRecord) => ({ epoch, loss, valid, best });
const lastEpoch = (out: string) =>
  (JSON.parse(readFileSync(join(out, 'last.json'), 'utf8')) as { epoch: number }).epoch;
const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Loops until the body says that it is enough; the epochs it was given. */
async function loop(
  epochs: Epochs,
  isEnough: (record: EpochRecord) => unknown = () => false,
): Promise<EpochRecord[]> {
  const seen: EpochRecord[] = [];
  for await (const record of epochs) {
    seen.push(record);
    if ((await isEnough(record)) === true) break;
  }
  return seen;
}

test('a loop gives each epoch and then the run, as train does', async () => {
  const plain = await train(data, TINY);
  const epochs = trainEpochs(data, TINY);
  const seen = await loop(epochs);
  const { run } = epochs;
  expect(seen).toEqual(run.history);
  expect(seen.map(withoutTime)).toEqual(plain.history.map(withoutTime));
  expect(run.metrics).toEqual({ ...plain.metrics, seconds: run.metrics.seconds });
  expect(await run.model.state()).toEqual(await plain.model.state());
  for (const { model } of [run, plain]) model.dispose();
});

test('by hand, the last result holds the run', async () => {
  const epochs = trainEpochs(data, TINY);
  const iterator = epochs[Symbol.asyncIterator]();
  for (let epoch = 1; epoch <= 4; epoch += 1) {
    expect(await iterator.next()).toMatchObject({ done: false, value: { epoch } });
  }
  const { done, value } = await iterator.next();
  expect(done).toBe(true);
  expect(value).toBe(epochs.run);
  epochs.run.model.dispose();
});

test('nothing runs before the loop, nor while its body does', async () => {
  const told: number[] = [];
  const onEpoch = ({ epoch }: EpochRecord) => told.push(epoch);
  const steps: number[] = [];
  const onProgress = ({ epoch }: { epoch: number }) => steps.push(epoch);
  const epochs = trainEpochs(data, TINY, { onEpoch, onProgress });
  await later(20);
  expect(told).toEqual([]);
  await loop(epochs, async ({ epoch }) => {
    await later(150);
    expect(told.at(-1)).toBe(epoch);
    expect(Math.max(...steps)).toBe(epoch);
  });
  epochs.run.model.dispose();
});

test.each([1, 4])('leaving at epoch %i stops there, frees the model, keeps the run', async (at) => {
  const dispose = jest.spyOn(Model.prototype, 'dispose');
  const [out, whole] = [freshPath(), freshPath()];
  const epochs = trainEpochs(data, TINY, { out });
  expect(await loop(epochs, ({ epoch }) => epoch === at)).toHaveLength(at);
  expect(dispose).toHaveBeenCalledTimes(1);
  expect((await errorOf(() => epochs.run)).code).toBe('ERR_CMIR_USAGE');
  expect(existsSync(join(out, 'metrics.json'))).toBe(false);
  expect(lastEpoch(out)).toBe(at);

  for (const hooks of [{ out, resume: true }, { out: whole }]) {
    (await train(data, TINY, hooks)).model.dispose();
  }
  expect(content(out)).toEqual(content(whole));
});

test('an error in the body leaves the loop too', async () => {
  const dispose = jest.spyOn(Model.prototype, 'dispose');
  const mine = new Error('mine');
  const failing = loop(trainEpochs(data, TINY), () => {
    throw mine;
  });
  await expect(failing).rejects.toBe(mine);
  expect(dispose).toHaveBeenCalledTimes(1);
});

test('what goes wrong is thrown by the loop', async () => {
  const empty = trainEpochs(data, { ...TINY, device: 'cuda:99' });
  expect((await errorOf(() => loop(empty))).code).toBe('ERR_CMIR_DEVICE');
  expect((await errorOf(() => empty.run)).code).toBe('ERR_CMIR_USAGE');

  const stop = new AbortController();
  const aborted = trainEpochs(data, TINY, { signal: stop.signal });
  const reason = new Error('enough');
  const error = await errorOf(() =>
    loop(aborted, () => {
      stop.abort(reason);
    }),
  );
  expect(error).toMatchObject({ code: 'ERR_CMIR_ABORTED', cause: reason });

  const mine = new Error('mine');
  const onEpoch = () => Promise.reject(mine);
  await expect(loop(trainEpochs(data, TINY, { onEpoch }))).rejects.toBe(mine);
});

test('epochs are looped over once', async () => {
  const epochs = trainEpochs(data, TINY);
  await loop(epochs, () => true);
  const error = await errorOf(() => loop(epochs));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toMatch(/once/);
});

describe('stop', () => {
  const endless = { ...TINY, training: { ...TINY.training, epochs: 1_000_000, patience: 0 } };

  test('ends the loop after its epoch, with the best model evaluated', async () => {
    const out = freshPath();
    const epochs = trainEpochs(data, endless, { out });
    const seen = await loop(epochs, ({ epoch }) => {
      if (epoch === 3) epochs.stop();
    });
    expect(seen).toHaveLength(3);
    const { metrics, model } = epochs.run;
    expect(metrics).toMatchObject({
      epochs: 3,
      valid: { MAE: seen[metrics.best_epoch - 1]?.valid['MAE'] },
    });
    expect(JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8'))).toEqual(metrics);
    model.dispose();
  });

  test('in onEpoch does the same, and a resumed run has ended', async () => {
    const out = freshPath();
    const stopAt =
      (last: number) =>
      async ({ epoch }: EpochRecord, stop: () => void) => {
        await later(1);
        if (epoch === last) stop();
      };
    const run = await train(data, endless, { out, onEpoch: stopAt(3) });
    expect(run.history).toHaveLength(3);
    const before = content(out);

    const again = await train(data, endless, { out, resume: true, onEpoch: stopAt(0) });
    expect(again.metrics).toEqual(run.metrics);
    expect(content(out)).toEqual(before);
    for (const { model } of [run, again]) model.dispose();
  });

  test('without a folder gives the model of the best epoch', async () => {
    const run = await train(data, endless, {
      onEpoch: ({ epoch }, stop) => {
        if (epoch === 2) stop();
      },
    });
    const scores = run.history.map(({ valid }) => valid['MAE'] as number);
    expect(run.metrics.best_epoch).toBe(scores.indexOf(Math.min(...scores)) + 1);
    expect((await run.model.evaluate(data.valid)).metrics).toEqual(run.metrics.valid);
    run.model.dispose();
  });
});

test('onEpoch is awaited before the next epoch begins', async () => {
  const order: string[] = [];
  const { model } = await train(data, TINY, {
    onEpoch: async ({ epoch }) => {
      order.push(`begin ${String(epoch)}`);
      await later(5);
      order.push(`end ${String(epoch)}`);
    },
  });
  model.dispose();
  expect(order).toEqual([1, 2, 3, 4].flatMap((n) => [`begin ${String(n)}`, `end ${String(n)}`]));
});
