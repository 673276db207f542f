// Several models at once, each in a worker thread of its own: seeds of one method, and what they agree on. Every model
// is the one that its seed gives alone.
//
//   node examples/workers.mjs
import { once } from 'node:events';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

import { syntheticDataset, train } from 'cmir';

const data = syntheticDataset({ train: 1000, test: 500 });

if (isMainThread) {
  const start = performance.now();
  const members = await Promise.all(
    [1, 2, 3, 4].map(async (seed) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: seed });
      const [{ MAE, predictions }] = await once(worker, 'message');
      console.log(`seed ${seed}: MAE ${MAE.toFixed(3)}`);
      return { MAE, predictions };
    }),
  );
  const truth = [...data.test.rows].map((row) => data.label.values[row]);
  const errors = truth.map((label, i) => {
    const sum = members.reduce((total, { predictions }) => total + predictions[i], 0);
    return Math.abs(sum / members.length - label);
  });
  const together = errors.reduce((a, b) => a + b) / errors.length;
  const alone = members.reduce((total, { MAE }) => total + MAE, 0) / members.length;
  const seconds = (performance.now() - start) / 1000;
  console.log(
    `mean of their predictions: MAE ${together.toFixed(3)}, after ${seconds.toFixed(1)} s`,
  );
  if (!(together < alone)) {
    console.error('expected the mean of the predictions to be better than a model on average');
    process.exitCode = 1;
  }
} else {
  // One thread of arithmetic each: the workers share the cores.
  const options = { seed: workerData, threads: 1, training: { epochs: 15 } };
  const { model, metrics } = await train(data, options);
  const { predictions } = await model.predict(data.test);
  model.dispose();
  parentPort.postMessage({ MAE: metrics.test.MAE, predictions });
}
