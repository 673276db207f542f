// An epoch on word-level sequences with mean pooling beside the plain PyTorch script with a DataLoader: 16,326
// examples of 50 frames of 768, 74 and 35 features (MOSEI's sizes), batch 128, H 256, d 128, three Gaussian
// environments. Both take turns in one run.
//
//   npm run -s bench:sequences [-- --json --rounds 2 --examples 16326 --pooling mean --kind gaussian --threads 0]
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { Dataset, train } from 'cmir';

import { pythonEnvironment } from './python.mjs';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '2' },
    examples: { type: 'string', default: '16326' },
    frames: { type: 'string', default: '50' },
    epochs: { type: 'string', default: '3' },
    pooling: { type: 'string', default: 'mean' },
    kind: { type: 'string', default: 'gaussian' },
    threads: { type: 'string', default: '0' },
    workers: { type: 'string', default: '0' },
  },
});
const examples = Number(values.examples);
const frames = Number(values.frames);
const widths = { text: 768, audio: 74, vision: 35 };
const root = join(import.meta.dirname, '..');
const { python, env } = pythonEnvironment();

/** Seconds of an epoch after the first, validation (2 examples) included, and of what comes before it. */
async function cmirSeconds() {
  const offsets = Float64Array.from({ length: examples + 1 }, (_, i) => i * frames);
  let state = 1;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 30;
  };
  const modalities = Object.entries(widths).map(([name, features]) => ({
    name,
    features,
    values: new Float32Array(examples * frames * features).map(draw),
    offsets,
  }));
  const rows = Int32Array.from({ length: examples }, (_, i) => i);
  const data = new Dataset({
    name: 'sequences',
    ids: Array.from(rows, String),
    modalities,
    label: { name: 'label', task: 'regression', values: new Float32Array(examples).map(draw) },
    splits: new Map([
      ['train', rows],
      ['valid', rows.slice(0, 2)],
    ]),
  });
  const start = performance.now();
  const run = await train(data, {
    threads: Number(values.threads),
    model: { hidden: 256, latent: 128, pooling: values.pooling },
    environments: { count: 3, intensity: values.kind === 'erase' ? 0.2 : 1, kind: values.kind },
    training: { epochs: Number(values.epochs), batchSize: 128, patience: 0 },
  });
  run.model.dispose();
  const epochs = run.history.map(({ seconds }) => seconds);
  const total = (performance.now() - start) / 1000;
  return { epoch: Math.min(...epochs), first: total - epochs.slice(1).reduce((a, b) => a + b, 0) };
}

function pytorchSeconds() {
  const options = ['examples', 'frames', 'threads', 'workers'];
  const { status, stdout, stderr } = spawnSync(
    python,
    ['bench/pytorch/sequences.py', ...options.flatMap((name) => [`--${name}`, values[name]])],
    { env, cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return Math.min(...JSON.parse(stdout).seconds);
}

// The script knows no other.
const comparable = values.pooling === 'mean' && values.kind === 'gaussian';
const best = { cmir: Infinity, first: Infinity, pytorch: Infinity };
for (let round = 0; round < Number(values.rounds); ++round) {
  const { epoch, first } = await cmirSeconds();
  best.cmir = Math.min(best.cmir, epoch);
  best.first = Math.min(best.first, first);
  if (comparable) best.pytorch = Math.min(best.pytorch, pytorchSeconds());
}
const result = {
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  examples,
  frames,
  pooling: values.pooling,
  kind: values.kind,
  cmir_epoch_seconds: best.cmir,
  cmir_first_epoch_seconds: best.first,
  pytorch_epoch_seconds: comparable ? best.pytorch : null,
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const ratio = (seconds) =>
    comparable ? ` (${(best.pytorch / seconds).toFixed(1)}x faster than PyTorch)` : '';
  console.log(`cmir: ${best.cmir.toFixed(2)} s an epoch${ratio(best.cmir)}`);
  console.log(`the first, with all before it: ${best.first.toFixed(2)} s${ratio(best.first)}`);
  if (comparable) console.log(`the plain PyTorch script: ${best.pytorch.toFixed(2)} s an epoch`);
}
