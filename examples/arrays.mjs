// The shortest use of the library: arrays in, a trained classifier, predictions out.
//
//   node examples/arrays.mjs
import { loadDataset, train } from 'cmir';

// Two modalities of 300 examples; the label is whether their first features agree in sign.
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5;
const rows = (width) => Array.from({ length: 300 }, () => Array.from({ length: width }, random));
const audio = rows(6);
const vision = rows(4);
const labels = audio.map(([a], i) => (a * vision[i][0] > 0 ? 'agree' : 'differ'));
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
console.log('test accuracy', run.metrics.test.Acc.toFixed(3));

const { ids, predictions, probabilities } = await run.model.predict({
  modalities: { audio: audio.slice(0, 2), vision: vision.slice(0, 2) },
});
console.log(ids, predictions, probabilities);
run.model.dispose();
