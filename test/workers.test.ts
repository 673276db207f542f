import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import { DIST } from './helpers/program';
import { freshPath, removeFresh } from './training/fixture';

afterAll(removeFresh);

const SETTINGS = {
  threads: 1,
  device: 'cpu',
  model: { hidden: 8, latent: 4 },
  training: { epochs: 2, batchSize: 16 },
};

/** A program that trains the same small model, and says so. */
const TRAIN = `
const { train, syntheticDataset } = require(${JSON.stringify(join(DIST, 'index.js'))});
const small = { modalities: { text: 6, audio: 4 }, train: 60, valid: 24, test: 24, shifted: 20 };
async function run(options = {}) {
  const settings = { ...${JSON.stringify(SETTINGS)}, ...options };
  const { model, metrics } = await train(syntheticDataset(small), settings);
  model.dispose();
  return metrics.test.MAE;
}
`;

function inThread(body: string): { worker: Worker; messages: unknown[]; ended: Promise<number> } {
  const path = freshPath('worker.cjs');
  writeFileSync(path, `${TRAIN}\nconst { parentPort } = require('node:worker_threads');\n${body}`);
  const worker = new Worker(path);
  const messages: unknown[] = [];
  worker.on('message', (message) => messages.push(message));
  const ended = new Promise<number>((resolve, reject) => {
    worker.on('error', reject);
    worker.on('exit', resolve);
  });
  return { worker, messages, ended };
}

test('threads train at once, and each gets what one alone gets', async () => {
  const body = 'run().then((mae) => parentPort.postMessage(mae));';
  const alone = inThread(body);
  await alone.ended;
  const threads = Array.from({ length: 3 }, () => inThread(body));
  await Promise.all(threads.map(({ ended }) => ended));
  expect(alone.messages).toEqual([expect.any(Number)]);
  for (const { messages } of threads) expect(messages).toEqual(alone.messages);
});

test('a thread that is terminated in the middle of an epoch takes nothing with it', async () => {
  const { worker, ended } = inThread(`
    parentPort.postMessage('ready');
    run({ training: { epochs: 100000, patience: 0, batchSize: 1 } });
  `);
  await new Promise((resolve) => worker.once('message', resolve));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await worker.terminate();
  await ended;
  const next = inThread('run().then((mae) => parentPort.postMessage(mae));');
  expect(await next.ended).toBe(0);
  expect(next.messages).toEqual([expect.any(Number)]);
});

test('a thread that ends while work runs ends cleanly', async () => {
  const { ended } = inThread(`
    run({ training: { epochs: 100000, patience: 0, batchSize: 1 } });
    setTimeout(() => process.exit(7), 200);
  `);
  expect(await ended).toBe(7);
});
