// The shortest use of the library: arrays in, a trained classifier, predictions out.
//
//   node examples/arrays.mjs
import { loadDataset, train } from 'cmir';

// Two modalities of 300 examples. Every feature is noise, moved a little one way or the other by the class: none
// of them tells the class alone, all ten together do.
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
const labels = Array.from({ length: 300 }, () => (random() > 0 ? 'happy' : 'sad'));
const features = (width) =>
  labels.map((label) =>
    Array.from({ length: width }, () => random() + (label === 'happy' ? 0.2 : -0.2)),
  );
const audio = features(6);
const vision = features(4);
const splits = labels.map((_, i) => (i < 200 ? 'train' : i < 250 ? 'valid' : 'test'));

const data = await loadDataset({ modalities: { audio, vision }, labels, splits });
const run = await train(
  data,
  { training: { epochs: 30 } },
  {
    onEpoch: ({ epoch, loss, valid }) => {
      if (epoch % 10 === 0)
        console.log(
          `epoch ${epoch}: loss ${loss.toFixed(3)}, valid accuracy ${valid.Acc.toFixed(3)}`,
        );
    },
  },
);
const accuracy = run.metrics.test.Acc;
console.log('test accuracy', accuracy.toFixed(3));

// New rows need no labels; a prediction is an index into the classes.
const { predictions, probabilities } = await run.model.predict({
  modalities: { audio: audio.slice(-3), vision: vision.slice(-3) },
});
const { classes } = run.model.shape;
labels.slice(-3).forEach((label, i) => {
  const [chosen, surest] = [predictions[i], Math.max(...probabilities.subarray(2 * i, 2 * i + 2))];
  console.log(`is ${label}, predicted ${classes[chosen]} with probability ${surest.toFixed(2)}`);
});
run.model.dispose();

// What this example promises, so that it cannot quietly stop being true.
if (!(accuracy >= 0.9)) {
  console.error('expected a test accuracy of 0.9 or more');
  process.exitCode = 1;
}
