import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import type { Options } from '../../lib/config';
import { decodeTensors, encodeTensors } from '../../lib/training/safetensors';
import { train, type TrainOptions } from '../../lib/training/train';
import { content } from './content';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

afterAll(removeFresh);

const data = tinyDataset();
const EPOCHS = 6;
const options = (epochs = EPOCHS): Options => ({ ...TINY, training: { ...TINY.training, epochs } });

async function finish(out: string, wanted = options(), extra: TrainOptions = {}): Promise<void> {
  (await train(data, wanted, { out, ...extra })).model.dispose();
}

/** Trains until the given epoch is over, then aborts within the next. */
async function interrupt(out: string, epoch: number, wanted = options()): Promise<void> {
  const stop = new AbortController();
  const error = await errorOf(() =>
    train(data, wanted, {
      out,
      signal: stop.signal,
      onStart: () => {
        if (epoch === 0) stop.abort();
      },
      onEpoch: (record) => {
        if (record.epoch === epoch) stop.abort(new Error('enough'));
      },
    }),
  );
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(error.cause).toBe(stop.signal.reason);
}

let whole: ReturnType<typeof content>;
const wholeFolder = freshPath('whole');

beforeAll(async () => {
  await finish(wholeFolder);
  whole = content(wholeFolder);
});

test.each([0, 1, 3, 5])('a run stopped after epoch %i ends as if it never had', async (epoch) => {
  const out = freshPath();
  await interrupt(out, epoch);
  expect(existsSync(join(out, 'metrics.json'))).toBe(false);
  expect(JSON.parse(readFileSync(join(out, 'last.json'), 'utf8'))).toMatchObject({ epoch });
  await finish(out, options(), { resume: true });
  expect(content(out)).toEqual(whole);
  const json = (name: string) =>
    JSON.parse(readFileSync(join(out, name), 'utf8')) as { seconds: number };
  expect(json('metrics.json').seconds).toBe(json('last.json').seconds);
});

test('with schedule, accumulation and averaging it ends as if it never had, and keeps its epochs', async () => {
  const wanted = (epochs: number): Options => ({
    ...options(epochs),
    training: {
      ...TINY.training,
      epochs,
      schedule: 'cosine',
      warmup: 0.2,
      accumulation: 3,
      averaging: 0.8,
    },
  });
  const [straight, stopped] = [freshPath(), freshPath()];
  await finish(straight, wanted(EPOCHS));
  await interrupt(stopped, 2, wanted(EPOCHS));
  const error = await errorOf(() => finish(stopped, wanted(EPOCHS + 1), { resume: true }));
  expect(error.message).toContain('--resume: training.epochs is 7');
  await finish(stopped, wanted(EPOCHS), { resume: true });
  expect(content(stopped)).toEqual(content(straight));
  const history = content(straight)['history.jsonl'] as { learning_rate: number }[];
  const rates = history.map((record) => record.learning_rate);
  // 60 examples are four batches of 16, two steps an epoch: 12 steps, of which 2 warm up.
  const expected = [1, 2, 3, 4, 5, 6].map(
    (epoch) => 0.001 * Math.cos((Math.PI / 2) * ((2 * epoch - 2) / 10)) ** 2,
  );
  rates.forEach((rate, i) => {
    expect(rate).toBeCloseTo(expected[i] as number, 12);
  });
});

test('a finished run is continued by asking for more epochs', async () => {
  const out = freshPath();
  await finish(out, options(2));
  await finish(out, options(), { resume: true });
  expect(content(out)).toEqual(whole);
});

test('a finished run that is continued with nothing left stays as it is', async () => {
  const out = freshPath('copy');
  cpSync(wholeFolder, out, { recursive: true });
  await finish(out, options(), { resume: true });
  expect(content(out)).toEqual(whole);
});

test('a kill before the best model is written loses nothing', async () => {
  const out = freshPath();
  await finish(out, options(2));
  const { best_epoch } = JSON.parse(readFileSync(join(out, 'metrics.json'), 'utf8')) as {
    best_epoch: number;
  };
  expect(best_epoch).toBe(2);
  rmSync(join(out, 'model.safetensors'));
  await finish(out, options(2), { resume: true });
  expect(existsSync(join(out, 'model.safetensors'))).toBe(true);
  await finish(out, options(), { resume: true });
  expect(content(out)).toEqual(whole);
});

test('a kill after the history is written repeats that epoch', async () => {
  const out = freshPath();
  await interrupt(out, 2);
  const path = join(out, 'history.jsonl');
  const ahead = readFileSync(join(wholeFolder, 'history.jsonl'), 'utf8').split('\n')[2] ?? '';
  writeFileSync(path, `${readFileSync(path, 'utf8')}${ahead}\n`);
  await finish(out, options(), { resume: true });
  expect(content(out)).toEqual(whole);
});

describe('a continuation is refused', () => {
  const out = freshPath();
  beforeAll(() => interrupt(out, 2));

  test.each<[string, Options, RegExp]>([
    ['seed', { ...options(), seed: 9 }, /seed is 9, .* 1/],
    ['model.hidden', { ...options(), model: { hidden: 16, latent: 4 } }, /model\.hidden is 16/],
    ['environments', { ...options(), environments: { count: 3 } }, /environments\.2/],
  ])('with another %s', async (_, wanted, message) => {
    const error = await errorOf(() => train(data, wanted, { out, resume: true }));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toMatch(message);
  });

  test('on another data set', async () => {
    const error = await errorOf(() => train(tinyDataset(2), options(), { out, resume: true }));
    expect(error.code).toBe('ERR_CMIR_MISMATCH');
    expect(error.message).toContain(out);
  });

  test('without a folder, or without a run in it', async () => {
    expect((await errorOf(() => train(data, options(), { resume: true }))).code).toBe(
      'ERR_CMIR_USAGE',
    );
    const empty = freshPath();
    const error = await errorOf(() => train(data, options(), { out: empty, resume: true }));
    expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
    expect(existsSync(empty)).toBe(false);
  });

  test('from tensors that do not fit', async () => {
    const damaged = freshPath();
    cpSync(out, damaged, { recursive: true });
    const path = join(damaged, 'last.safetensors');
    const { tensors, metadata } = decodeTensors(readFileSync(path), path);
    const { 'head.0.bias': _removed, ...rest } = tensors;
    writeFileSync(path, encodeTensors({ tensors: rest, metadata }));
    const error = await errorOf(() => train(data, options(), { out: damaged, resume: true }));
    expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
    expect(error.message).toContain(path);
    expect(error.message).toContain('head.0.bias');
  });
});

test('a signal stops within one step', async () => {
  const stop = new AbortController();
  const heavy: Options = {
    ...TINY,
    model: { hidden: 1024, latent: 512 },
    environments: { count: 16 },
    training: { epochs: 1, batchSize: 1 },
  };
  const steps: number[] = [];
  const error = await errorOf(() =>
    train(data, heavy, {
      signal: stop.signal,
      onProgress: ({ step }) => {
        steps.push(step);
        stop.abort();
      },
    }),
  );
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  // The step that ran at the first report may end, no other begins.
  expect(Math.max(...steps) - (steps[0] as number)).toBeLessThanOrEqual(1);
  expect(steps[0]).toBeLessThan(60);
});

test('a signal that has fired before the start leaves no folder', async () => {
  const out = freshPath();
  const signal = AbortSignal.abort(new Error('no'));
  const error = await errorOf(() => train(data, options(), { out, signal }));
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(existsSync(out)).toBe(false);
});

describe('a run killed before its first checkpoint', () => {
  const config = () => readFileSync(join(wholeFolder, 'config.json'));

  test.each<[string, (out: string) => void]>([
    ['an empty folder', () => undefined],
    [
      'a torn write',
      (out) => {
        writeFileSync(join(out, 'config.json.77.tmp'), '{"se');
      },
    ],
    [
      'its configuration',
      (out) => {
        writeFileSync(join(out, 'config.json'), config());
      },
    ],
    [
      'its configuration and an empty history',
      (out) => {
        writeFileSync(join(out, 'config.json'), config());
        writeFileSync(join(out, 'history.jsonl'), '');
      },
    ],
  ])('that left %s begins again', async (_, leave) => {
    const out = freshPath();
    mkdirSync(out);
    leave(out);
    await finish(out, options(), { resume: true });
    expect(content(out)).toEqual(whole);
    expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  test('does not begin again with another configuration', async () => {
    const out = freshPath();
    mkdirSync(out);
    writeFileSync(join(out, 'config.json'), config());
    const wanted = { ...options(), seed: 9 };
    const error = await errorOf(() => train(data, wanted, { out, resume: true }));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toMatch(/seed is 9/);
  });

  test.each(['model.safetensors', 'history.jsonl', 'notes.txt'])(
    'is not what holds %s',
    async (name) => {
      const out = freshPath();
      mkdirSync(out);
      writeFileSync(join(out, name), 'precious');
      const error = await errorOf(() => train(data, options(), { out, resume: true }));
      expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
      expect(error.message).toContain(join(out, 'last.safetensors'));
      expect(readFileSync(join(out, name), 'utf8')).toBe('precious');
    },
  );
});

test('a finished run that is continued with nothing left has no file touched', async () => {
  const out = freshPath('copy');
  cpSync(wholeFolder, out, { recursive: true });
  const state = () =>
    readdirSync(out).map((name) => {
      const { ino, mtimeMs } = statSync(join(out, name));
      return [name, ino, mtimeMs];
    });
  const before = state();
  await finish(out, options(), { resume: true });
  expect(state()).toEqual(before);
});

test('a run that goes on has no metrics until it has ended again', async () => {
  const out = freshPath();
  await finish(out, options(2));
  const stop = new AbortController();
  const error = await errorOf(() =>
    train(data, options(), {
      out,
      resume: true,
      signal: stop.signal,
      onEpoch: () => {
        stop.abort();
      },
    }),
  );
  expect(error.code).toBe('ERR_CMIR_ABORTED');
  expect(existsSync(join(out, 'metrics.json'))).toBe(false);
});

test('more epochs without a better one still name themselves in the best model', async () => {
  const wanted = (epochs: number): Options => ({
    ...TINY,
    training: { epochs, patience: 0, learningRate: 0.3 },
  });
  const [longer, once] = [freshPath(), freshPath()];
  await finish(once, wanted(12));
  const { best_epoch } = JSON.parse(readFileSync(join(once, 'metrics.json'), 'utf8')) as {
    best_epoch: number;
  };
  expect(best_epoch).toBeLessThan(12);
  await finish(longer, wanted(best_epoch));
  await finish(longer, wanted(12), { resume: true });
  expect(content(longer)).toEqual(content(once));
});
