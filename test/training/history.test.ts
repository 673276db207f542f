import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  describeTerms,
  historyFile,
  readHistory,
  type EpochRecord,
} from '../../lib/training/history';
import { FILES } from '../../lib/training/checkpoint';
import { writeFiles } from '../../lib/training/files';
import { errorOf, freshPath, removeFresh } from './fixture';

afterAll(removeFresh);

const epoch = {
  terms: {
    loss: 2,
    prediction: 1,
    risk: 0.125,
    consistency: 0.0625,
    invariance: [0.25, 0.5],
    decorrelation: [1, 2],
    reconstruction: [0, 4],
  },
  steps: 3,
  examples: 60,
  seconds: 0.5,
  learningRate: 0.001,
  aborted: false,
  diverged: null,
};

test('terms are summed over modalities, and told for each', () => {
  const modalities = [{ name: 'text' }, { name: 'audio' }];
  expect(describeTerms(epoch, modalities)).toEqual({
    loss: 2,
    prediction: 1,
    risk: 0.125,
    consistency: 0.0625,
    invariance: 0.75,
    decorrelation: 3,
    reconstruction: 4,
    modalities: {
      text: { invariance: 0.25, decorrelation: 1, reconstruction: 0 },
      audio: { invariance: 0.5, decorrelation: 2, reconstruction: 4 },
    },
    examples_per_second: 120,
  });
});

const record = (number: number): EpochRecord => ({
  epoch: number,
  ...describeTerms(epoch, [{ name: 'text' }]),
  valid: { MAE: 0.5, Corr: null },
  best: number === 1,
  learning_rate: 0.001,
  seconds: 1,
  native_seconds: 0.5,
});

function newFolder(): string {
  const folder = freshPath();
  mkdirSync(folder);
  return folder;
}

test('history is read back up to the epoch of the checkpoint', async () => {
  const folder = newFolder();
  await writeFiles(folder, [historyFile([record(1), record(2), record(3)])]);
  expect(await readHistory(folder, 3)).toEqual([record(1), record(2), record(3)]);
  expect(await readHistory(folder, 2)).toEqual([record(1), record(2)]);
  expect(await readHistory(folder, 0)).toEqual([]);
});

test.each([
  ['a broken line', `${JSON.stringify(record(1))}\n{"epoch":`, 2],
  ['too few lines', `${JSON.stringify(record(1))}\n`, 2],
])('history with %s is refused', async (_, text, epochs) => {
  const folder = newFolder();
  writeFileSync(join(folder, FILES.history), text);
  const error = await errorOf(() => readHistory(folder, epochs));
  expect(error.code).toBe('ERR_CMIR_CHECKPOINT');
  expect(error.message).toContain(join(folder, FILES.history));
});

test('history that is missing is refused', async () => {
  const folder = newFolder();
  expect((await errorOf(() => readHistory(folder, 1))).code).toBe('ERR_CMIR_CHECKPOINT');
});
