// A model that outlives its program: train into a run folder, load it from there, predict rows it has never seen,
// and see how its error grows with noise.
//
//   node examples/predict.mjs
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { loadModel, syntheticDataset, train } from 'cmir';

const folder = await mkdtemp(join(tmpdir(), 'cmir-'));
const out = join(folder, 'run');
const data = syntheticDataset({ train: 1000 });

const run = await train(data, { training: { epochs: 20 } }, { out });
run.model.dispose();

const model = await loadModel(out);

// The last three examples (of the split `shifted`) without their labels, as one meets them later.
const modalities = Object.fromEntries(
  data.modalities.map(({ name, features, values }) => [
    name,
    { features, values: values.slice(-3 * features) },
  ]),
);
const { ids, predictions } = await model.predict({ ids: ['a', 'b', 'c'], modalities });
ids.forEach((id, i) => console.log(`${id}: ${predictions[i].toFixed(3)}`));

const errors = [];
for (const intensity of [0, 0.7, 1.4]) {
  const { metrics } = await model.evaluate(data.test, { noise: { kind: 'gaussian', intensity } });
  errors.push(metrics.MAE);
  console.log(`MAE on test, gaussian noise ${intensity}: ${metrics.MAE.toFixed(3)}`);
}

model.dispose();
await rm(folder, { recursive: true });

// The loaded model is the trained one, and better than always predicting the training median even under noise.
if (errors[0] !== run.metrics.test.MAE || !(errors[2] < run.metrics.baseline.test.MAE)) {
  console.error('expected the MAE of training, and to beat the constant under noise');
  process.exitCode = 1;
}
