// A spurious feature that predicts the label in training turns against it in the split `shifted`:
// plain fusion follows it, CmIR mostly does not. Prints both mean absolute errors.
//
//   node examples/shift.mjs
import { syntheticDataset, train } from 'cmir';

const data = syntheticDataset();

const fusion = {
  environments: { count: 0 },
  weights: { invariance: 0, decorrelation: 0, reconstruction: 0 },
};

const results = {};
for (const [name, options] of Object.entries({ fusion, cmir: {} })) {
  const run = await train(data, { seed: 1, ...options });
  const { test, shifted } = run.metrics;
  results[name] = shifted.MAE;
  console.log(
    `${name.padEnd(7)} MAE on test ${test.MAE.toFixed(3)}, on shifted ${shifted.MAE.toFixed(3)}`,
  );
  run.model.dispose();
}

// What this example promises, so that it cannot quietly stop being true.
if (!(results.cmir < 0.75 && results.fusion > 1.1)) {
  console.error('expected cmir below 0.75 and fusion above 1.1 on shifted');
  process.exitCode = 1;
}
