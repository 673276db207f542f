// Noise, and modalities that are not there: an example without audio is a row of NaN, and a model can be asked how it
// would do if more went wrong. Plain fusion beside CmIR with several kinds of environments.
//
//   node examples/missing.mjs
import { findMethod, loadDataset, syntheticDataset, train } from 'cmir';

// Arrays as one has them: rows of features. Of a fifth of the examples, the audio was lost.
const made = syntheticDataset({ train: 1000, test: 500, shifted: 0 });
const lost = Float32Array.from(made.modalities.find(({ name }) => name === 'audio').values);
for (let row = 0; row < made.size; row += 5) lost.fill(NaN, row * 48, (row + 1) * 48);
const splitOf = new Map(
  [...made.splits].flatMap(([name, rows]) => [...rows].map((row) => [row, name])),
);

const data = await loadDataset({
  modalities: Object.fromEntries(
    made.modalities.map(({ name, features, values }) => [
      name,
      name === 'audio' ? { features, values: lost, nanIsMissing: true } : { features, values },
    ]),
  ),
  labels: made.label.values,
  splits: made.ids.map((_, row) => splitOf.get(row)),
});

const conditions = {
  'as it is': undefined,
  'gaussian noise': { kind: 'gaussian', intensity: 1 },
  'half the values': { kind: 'erase', intensity: 0.5 },
  'no text': { kind: 'modality', intensity: 1, modalities: ['text'] },
  'no text, no audio': { kind: 'modality', intensity: 1, modalities: ['text', 'audio'] },
};
const errors = {};
for (const name of ['fusion', 'cmir-mixed']) {
  const { options, fixed } = findMethod(name);
  const { model } = await train(data, { ...options, ...fixed, seed: 1, training: { epochs: 15 } });
  errors[name] = [];
  for (const noise of Object.values(conditions)) {
    const { metrics } = await model.evaluate(data.test, noise === undefined ? {} : { noise });
    errors[name].push(metrics.MAE);
  }
  model.dispose();
}

console.log('MAE on test'.padEnd(20), Object.keys(errors).join('  '));
Object.keys(conditions).forEach((condition, i) => {
  const cells = Object.entries(errors).map(([name, list]) =>
    list[i].toFixed(3).padStart(name.length),
  );
  console.log(condition.padEnd(20), cells.join('  '));
});

if (
  !Object.keys(conditions).every((_, i) => i === 0 || errors['cmir-mixed'][i] < errors.fusion[i])
) {
  console.error('expected cmir-mixed to do better than fusion wherever something is wrong');
  process.exitCode = 1;
}
