import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { syntheticDataset } from '../../../lib/data/synthetic';
import type { SearchResult } from '../../../lib/experiments/results';
import { search, type SearchOptions } from '../../../lib/experiments/search';

const data = syntheticDataset({ train: 200, valid: 60, test: 40, shifted: 0 });
const GIVEN: SearchOptions = {
  method: 'cmir',
  trials: 5,
  finalists: 2,
  seeds: 2,
  space: {
    'training.learningRate': { logUniform: [1e-4, 1e-2] },
    'model.hidden': { choice: [8, 16] },
  },
  options: { model: { latent: 4 }, training: { epochs: 3, batchSize: 64 } },
};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cmir-search-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** What does not depend on the clock. */
const timeless = ({ trials, best, options, seeds }: SearchResult): unknown => ({
  ...{ best, options, seeds },
  trials: trials.map(({ seconds, ...trial }) => {
    expect(seconds).toBeGreaterThan(0);
    return trial;
  }),
});

test('results do not depend on how many trials run at once', async () => {
  const one = await search(data, { ...GIVEN, parallel: 1 });
  const three = await search(data, { ...GIVEN, parallel: 3 });
  expect(timeless(three)).toEqual(timeless(one));
  const scores = one.trials.map(({ score }) => score as number);
  expect(new Set(scores).size).toBe(5);
  // The best is one of the two best by one seed.
  const better = scores.filter((score) => score < (scores[one.best] as number));
  expect(better.length).toBeLessThan(2);
  expect(one.seeds).toHaveLength(2);
});

test('test examples are out of reach: whatever they are, the search comes out the same', async () => {
  const rows = data.test.rows;
  const poisoned = data.with({
    modalities: data.modalities.map((modality) => {
      const values = Float32Array.from(modality.values);
      for (const row of rows)
        values.fill(1e30, row * modality.features, (row + 1) * modality.features);
      return { ...modality, values };
    }),
  });
  const space = { 'model.hidden': { choice: [8, 16] } };
  const given = { ...GIVEN, space, trials: 2 };
  expect(timeless(await search(poisoned, given))).toEqual(timeless(await search(data, given)));
});

test('a search that was stopped continues, and comes to the same', async () => {
  const whole = await search(data, GIVEN);
  const out = join(folder, 'cmir');
  const stop = new AbortController();
  let ended = 0;
  const stopped = search(data, {
    ...GIVEN,
    out,
    parallel: 1,
    signal: stop.signal,
    onTrial: () => {
      ended += 1;
      if (ended === 2) stop.abort();
    },
  });
  await expect(stopped).rejects.toMatchObject({ code: 'ERR_CMIR_ABORTED' });
  const path = join(out, 'trials.jsonl');
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3);
  // A kill in the middle of a line.
  await appendFile(path, '{"trial": 4, "sco');
  const run: number[] = [];
  const resumed = await search(data, {
    ...GIVEN,
    out,
    resume: true,
    onTrial: ({ trial }) => run.push(trial),
  });
  expect(run).toHaveLength(3);
  expect(timeless(resumed)).toEqual(timeless(whole));
  expect(JSON.parse(await readFile(join(out, 'best.json'), 'utf8'))).toEqual(whole.options);
  const again = await search(data, { ...GIVEN, out, resume: true });
  expect(timeless(again)).toEqual(timeless(whole));
});

test('a folder that holds a search is not written over, and another search does not continue it', async () => {
  const out = join(folder, 'cmir');
  const given = { ...GIVEN, trials: 1, finalists: 1, seeds: 0, out };
  await search(data, given);
  await expect(search(data, given)).rejects.toThrow(/holds a search.*--resume/);
  await expect(search(data, { ...given, resume: true, seed: 2 })).rejects.toThrow(
    /its seed differ/,
  );
  await writeFile(join(out, 'trials.jsonl'), 'nonsense\n');
  await expect(search(data, { ...given, resume: true })).rejects.toMatchObject({
    code: 'ERR_CMIR_CHECKPOINT',
  });
});

test('successive halving stops the worse trials early, whatever runs at once', async () => {
  const given: SearchOptions = {
    ...GIVEN,
    trials: 6,
    halving: true,
    options: { model: { latent: 4 }, training: { epochs: 9, batchSize: 64, patience: 0 } },
  };
  const one = await search(data, { ...given, parallel: 1 });
  const four = await search(data, { ...given, parallel: 4 });
  expect(timeless(four)).toEqual(timeless(one));
  const epochs = one.trials.map((trial) => trial.epochs).sort((a, b) => a - b);
  expect(epochs).toEqual([1, 1, 1, 1, 3, 9]);
  expect(one.trials.filter(({ state }) => state === 'halved')).toHaveLength(5);
  const first = one.trials.map(({ rungs }) => rungs?.[0]?.score as number);
  const stopped = one.trials.filter((trial) => trial.epochs === 1).map(({ trial }) => trial);
  const kept = one.trials.filter((trial) => trial.epochs > 1).map(({ trial }) => trial);
  expect(Math.max(...kept.map((trial) => first[trial] as number))).toBeLessThan(
    Math.min(...stopped.map((trial) => first[trial] as number)),
  );
});

test('a setting that cannot be trained is a failed trial; where all are, that is an error', async () => {
  const space = { 'training.learningRate': { choice: [1e-3, 1e30] } };
  const { trials } = await search(data, { ...GIVEN, trials: 6, space });
  const failed = trials.filter(({ state }) => state === 'failed');
  expect(failed.length).toBeGreaterThan(0);
  expect(failed.length).toBeLessThan(6);
  for (const { score, message } of failed) {
    expect(score).toBeNull();
    expect(message).toMatch(/became|NaN|undefined/);
  }
  const hopeless = { 'training.learningRate': { choice: [1e30] } };
  await expect(search(data, { ...GIVEN, trials: 2, space: hopeless })).rejects.toMatchObject({
    code: 'ERR_CMIR_DIVERGED',
  });
});
