import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import type { Options } from '../../lib/config';
import { Dataset } from '../../lib/data/dataset';
import { shuffledRows } from '../../lib/data/batches';
import { loadAddon } from '../../lib/native/load';
import { decodeTensors } from '../../lib/training/safetensors';
import { train } from '../../lib/training/train';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

afterAll(removeFresh);

const data = tinyDataset();

function replaced(fields: Partial<Dataset>): Dataset {
  const { name, ids, modalities, label, splits } = data;
  return new Dataset({ name, ids, modalities, label, splits, ...fields });
}

const splitsWithout = (name: string) => new Map([...data.splits].filter(([key]) => key !== name));

describe('a failure of the engine is a CmirError', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  test('a model that memory does not hold', async () => {
    const options = { ...TINY, model: { hidden: 2 ** 50, latent: 4 } };
    const error = await errorOf(() => train(data, options));
    expect(error.code).toBe('ERR_CMIR_NATIVE');
    expect(error.message).toMatch(/^out of memory: make the model/);
    expect(error.cause).toBeDefined();
  });

  test.each(['upload', 'trainEpoch', 'predict', 'getState', 'setState'] as const)(
    'in %s',
    async (method) => {
      const addon = loadAddon();
      const { Trainer } = addon;
      const cause = new Error('CUDA error: an illegal memory access was encountered');
      jest.spyOn(addon, 'Trainer').mockImplementation((config) =>
        Object.defineProperty(new Trainer(config), method, {
          value: () => Promise.reject(cause),
          configurable: true,
        }),
      );
      const error = await errorOf(() => train(data, TINY));
      expect(error).toMatchObject({ code: 'ERR_CMIR_NATIVE', cause });
      expect(error.message).toBe(`the engine failed: ${cause.message}`);
    },
  );
});

describe('bad input is refused before anything is written', () => {
  test.each<[string, Dataset, Options, string, RegExp]>([
    [
      'no validation split',
      replaced({ splits: splitsWithout('valid') }),
      {},
      'ERR_CMIR_DATA',
      /'valid'/,
    ],
    [
      'no training split',
      replaced({ splits: splitsWithout('train') }),
      {},
      'ERR_CMIR_DATA',
      /train/,
    ],
    ['no labels', replaced({ label: null }), {}, 'ERR_CMIR_DATA', /label/],
    ['a misspelt key', data, { sed: 1 } as Options, 'ERR_CMIR_CONFIG', /'sed'.*'seed'/],
    [
      'a negative weight',
      data,
      { weights: { invariance: -1 } },
      'ERR_CMIR_CONFIG',
      /weights\.invariance/,
    ],
    [
      'a constraint without environments',
      data,
      { environments: { count: 0 } },
      'ERR_CMIR_CONFIG',
      /environments\.count/,
    ],
    ['an unknown metric', data, { training: { metric: 'mae' } }, 'ERR_CMIR_CONFIG', /'mae'/],
    [
      'a loss of another task',
      data,
      { prediction: { loss: 'crossEntropy' } },
      'ERR_CMIR_CONFIG',
      /loss/,
    ],
    ['a device that is not there', data, { device: 'cuda:99' }, 'ERR_CMIR_DEVICE', /cuda:99/],
  ])('%s', async (_, dataset, options, code, message) => {
    const out = freshPath();
    const error = await errorOf(() => train(dataset, options, { out }));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  test('a folder in use', async () => {
    const out = freshPath();
    (await train(data, TINY, { out })).model.dispose();
    const before = readFileSync(join(out, 'metrics.json'), 'utf8');
    const error = await errorOf(() => train(data, TINY, { out }));
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(out);
    expect(readFileSync(join(out, 'metrics.json'), 'utf8')).toBe(before);
  });

  test('a path that is not there', async () => {
    const error = await errorOf(() => train(freshPath('absent'), TINY));
    expect(error.code).toBe('ERR_CMIR_DATA');
  });
});

test('a run folder that vanishes while it trains is an error that names the file', async () => {
  const out = freshPath();
  const onEpoch = () => {
    if (existsSync(out)) renameSync(out, `${out}-elsewhere`);
  };
  const error = await errorOf(() => train(data, TINY, { out, onEpoch }));
  expect(error.code).toBe('ERR_CMIR_IO');
  expect(error.message).toContain(`cannot write ${join(out, '')}`);
});

test('a loss that is no number names step, term and examples, and keeps what was written', async () => {
  const out = freshPath();
  const training = { ...TINY.training, epochs: 50, learningRate: 1e30, clipNorm: 0 };
  const error = await errorOf(() => train(data, { ...TINY, training }, { out }));
  expect(error.code).toBe('ERR_CMIR_DIVERGED');
  const match =
    /^epoch (\d+): (\w+).* became (NaN|-?Infinity) in step (\d+), on the examples (.*) and (\d+) more; .*learningRate/.exec(
      error.message,
    );
  const [, epoch, , , step, ids, more] = match as RegExpExecArray;
  // 60 examples are three batches of 16, and one of 12.
  const order = shuffledRows(data.split('train').rows, 1, Number(epoch));
  const begin = 16 * (Number(step) - 1);
  const batch = Array.from(order.subarray(begin, begin + 16), (row) => data.ids[row]);
  expect(ids?.split(', ')).toEqual(batch.slice(0, 8));
  expect(Number(more)).toBe(batch.length - 8);
  // All that is written is of the epochs before.
  const progress = JSON.parse(readFileSync(join(out, 'last.json'), 'utf8')) as { epoch: number };
  expect(progress.epoch).toBe(Number(epoch) - 1);
  const { tensors } = decodeTensors(readFileSync(join(out, 'last.safetensors')), 'last');
  for (const { data: values } of Object.values(tensors)) {
    expect(values.every(Number.isFinite)).toBe(true);
  }
});
