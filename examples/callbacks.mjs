// Watching a training and ending it: a line an epoch, an end when it is good enough, and Ctrl-C or a time limit that
// stop it within one step.
//
//   node examples/callbacks.mjs
import { CmirError, syntheticDataset, train } from 'cmir';

const data = syntheticDataset({ train: 1000 });
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

let speed = 0;
const run = await train(
  data,
  { training: { epochs: 100 } },
  {
    signal: interrupted.signal,
    // About ten times a second, for a progress bar.
    onProgress: ({ examplesPerSecond }) => {
      speed = Math.max(speed, examplesPerSecond);
    },
    // After every epoch; a promise is awaited. stop() ends the training with the best model so far.
    onEpoch: ({ epoch, loss, invariance, valid, best }, stop) => {
      const terms = `loss ${loss.toFixed(3)}, invariance ${invariance.toFixed(3)}`;
      console.log(`epoch ${epoch}: ${terms}, MAE ${valid.MAE.toFixed(3)}${best ? ' *' : ''}`);
      if (valid.MAE < 0.32) stop();
    },
  },
);
const { epochs, best_epoch } = run.metrics;
console.log(`stopped after ${epochs} epochs, up to ${Math.round(speed)} examples/s`);
run.model.dispose();

// A signal rejects instead. With a run folder (`out`), { resume: true } would go on from the last epoch.
let code;
try {
  await train(
    data,
    { training: { epochs: 1000, patience: 0 } },
    { signal: AbortSignal.timeout(500) },
  );
} catch (error) {
  if (!(error instanceof CmirError)) throw error;
  code = error.code;
}
console.log(`after half a second: ${code}`);

if (!(epochs < 100 && best_epoch === epochs && code === 'ERR_CMIR_ABORTED')) {
  console.error('expected to stop at the first epoch that is good enough, and the signal to abort');
  process.exitCode = 1;
}
