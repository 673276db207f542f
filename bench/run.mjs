// A whole training run of cmir beside the plain PyTorch script: the same data, epochs, batches and model. And what
// starting costs: loading the addon, and the program's first output.
//
//   npm run -s bench:run -- FOLDER [--json] [--label sentiment] [--epochs 20] [--threads N]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { loadDataset, train } from 'cmir';

import { pythonEnvironment } from './python.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    label: { type: 'string', default: 'sentiment' },
    epochs: { type: 'string', default: '20' },
    threads: { type: 'string', default: '0' },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error('which data set folder? npm run -s bench:run -- FOLDER');
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const epochs = Number(values.epochs);
const threads = Number(values.threads);
const { python, env } = pythonEnvironment();

async function cmirSeconds() {
  const data = await loadDataset(folder, { label: values.label });
  const run = await train(data, { threads, training: { epochs, patience: 0 } });
  run.model.dispose();
  return run.history.reduce((sum, epoch) => sum + epoch.seconds, 0);
}

function pytorchSeconds(form) {
  const options = ['--label', values.label, '--epochs', values.epochs, '--threads', values.threads];
  const { status, stdout, stderr } = spawnSync(
    python,
    ['bench/pytorch/train.py', folder, ...options].concat([
      '--patience',
      '0',
      '--methods',
      'cmir',
      '--form',
      form,
    ]),
    { env, cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout).rows[0].train_seconds;
}

/** Seconds a program takes as a whole. */
function wall(program, args) {
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, { env, cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (performance.now() - start) / 1000;
}

const node = (source) => wall(process.execPath, ['-e', source]);
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const rounds = { cmir: [], naive: [], fast: [], empty: [], addon: [], help: [], torch: [] };
for (let round = 0; round < 3; ++round) {
  rounds.cmir.push(await cmirSeconds());
  rounds.naive.push(pytorchSeconds('naive'));
  rounds.fast.push(pytorchSeconds('fast'));
  rounds.empty.push(node(''));
  rounds.addon.push(node("require('./dist/native/load.js').loadAddon()"));
  rounds.help.push(wall(process.execPath, ['dist/cli/main.js', '--help']));
  rounds.torch.push(wall(python, ['-c', 'import torch']));
}
const seconds = Object.fromEntries(
  Object.entries(rounds).map(([key, list]) => [key, median(list)]),
);
const result = {
  folder,
  epochs,
  cmir_seconds: seconds.cmir,
  pytorch_naive_seconds: seconds.naive,
  pytorch_fast_seconds: seconds.fast,
  startup_seconds: {
    node: seconds.empty,
    node_and_addon: seconds.addon,
    cmir_help: seconds.help,
    python_and_torch: seconds.torch,
  },
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const ratio = (other) => `${other.toFixed(2)} s (${(other / seconds.cmir).toFixed(1)}x)`;
  console.log(`${epochs} epochs, training and validation: cmir ${seconds.cmir.toFixed(2)} s`);
  console.log(`the plain script, training alone: ${ratio(seconds.naive)}`);
  console.log(`with the fast algebra: ${ratio(seconds.fast)}`);
  const { node: bare, node_and_addon: addon, cmir_help, python_and_torch } = result.startup_seconds;
  console.log(`node ${bare.toFixed(2)} s, with the addon and LibTorch ${addon.toFixed(2)} s`);
  console.log(
    `cmir --help ${cmir_help.toFixed(2)} s; python with torch ${python_and_torch.toFixed(2)} s`,
  );
}
