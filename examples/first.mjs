// The first run: built-in data, a trained model, its metrics beside those of a constant.
//
//   node examples/first.mjs
import { syntheticDataset, train } from 'cmir';

// Text, audio and vision features of 4500 made-up utterances, each with a sentiment from -3 to 3.
const data = syntheticDataset();
const run = await train(data, { seed: 1, training: { epochs: 20 } });

const { best_epoch, epochs, seconds, parameters, baseline } = run.metrics;
console.log(`${parameters} parameters, best of ${epochs} epochs: ${best_epoch}`);
console.log(`trained and evaluated in ${seconds.toFixed(1)} s\n`);

// `shifted` is a test set where a shortcut, which worked in training, points the wrong way.
console.log('           MAE  of a constant  Corr');
for (const split of ['test', 'shifted']) {
  const { MAE, Corr } = run.metrics[split];
  const constant = baseline[split].MAE.toFixed(3).padStart(13);
  console.log(`${split.padEnd(8)} ${MAE.toFixed(3)}  ${constant}  ${Corr.toFixed(2)}`);
}

const { ids, predictions } = await run.model.predict(data.test);
console.log(
  `\n${ids[0]}: ${predictions[0].toFixed(2)}, in truth ${data.label.values[data.test.rows[0]].toFixed(2)}`,
);
run.model.dispose();

// What this example promises, so that it cannot quietly stop being true.
const { test, shifted } = run.metrics;
if (!(test.MAE < 0.5 && shifted.MAE < baseline.shifted.MAE)) {
  console.error('expected to beat the constant on both');
  process.exitCode = 1;
}
