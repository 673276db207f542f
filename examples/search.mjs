// A search for good settings: random draws judged on validation, the best of them trained again with fresh seeds. The
// test set is looked at once, at the end.
//
//   node examples/search.mjs
import { search, syntheticDataset, train } from 'cmir';

const data = syntheticDataset({ train: 400, valid: 200, test: 400 });

const result = await search(data, {
  method: 'cmir',
  trials: 6,
  finalists: 2,
  seeds: 2,
  seed: 1,
  options: { training: { epochs: 6 } },
  space: {
    'weights.invariance': { logUniform: [0.01, 10] },
    'weights.reconstruction': { choice: [0, 0.1, 1] },
    'training.learningRate': { logUniform: [0.0003, 0.01] },
    'model.hidden': { choice: [32, 64, 128] },
  },
  onTrial: ({ trial, score, values }) => {
    const settings = Object.entries(values).map(
      ([key, value]) => `${key.split('.')[1]} ${Number(value.toPrecision(3))}`,
    );
    console.log(`trial ${trial}: MAE ${score?.toFixed(3) ?? 'none'}, ${settings.join(', ')}`);
  },
});
const scores = result.seeds.map(({ score }) => score);
const mean = scores.reduce((a, b) => a + b) / scores.length;
console.log(`best: trial ${result.best}, MAE ${mean.toFixed(3)} on validation over fresh seeds`);

// `options` is a whole configuration: what train, --config and the other experiments take.
const { model, metrics } = await train(data, result.options);
model.dispose();
console.log(
  `MAE on test ${metrics.test.MAE.toFixed(3)}, of a constant ${metrics.baseline.test.MAE.toFixed(3)}`,
);

if (!(metrics.test.MAE < metrics.baseline.test.MAE)) {
  console.error('expected to beat the constant');
  process.exitCode = 1;
}
