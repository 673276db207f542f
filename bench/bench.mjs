// One training step of cmir beside the same step in PyTorch, and beside the step's bare matrix products: on the model
// of docs/speed.md (modalities of 768, 74 and 47 features, H 256, d 128). All columns of a row are measured in turn,
// round by round, on the same threads, and each is the median of its rounds.
//
//   npm run -s bench -- [--json] [--threads 1,2] [--batch 32,128] [--environments 2,4] [--no-compile] [--rounds 5]
import { spawn } from 'node:child_process';
import { availableParallelism, cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { pythonEnvironment } from './python.mjs';

const require = createRequire(import.meta.url);
const { loadAddon } = require('../dist/native/load.js');
const addon = loadAddon();

const FEATURES = { text: 768, audio: 74, vision: 47 };
const MODEL = { hidden: 256, latent: 128, dropout: 0.3 };
const OTHERS = ['eager_naive', 'eager_fast', 'compile', 'gemm_floor'];

const numbers = (text) => text.split(',').map(Number);
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    threads: { type: 'string', default: [...new Set([1, availableParallelism()])].join(',') },
    batch: { type: 'string', default: '32,128,512,2048' },
    environments: { type: 'string', default: '2,4,8' },
    rounds: { type: 'string', default: '5' },
    'no-compile': { type: 'boolean', default: false },
  },
});
const others = OTHERS.filter((name) => !(values['no-compile'] && name === 'compile'));

/** The program that times PyTorch: one question, one answer. */
function openPyTorch() {
  const { python, env } = pythonEnvironment();
  const child = spawn(python, ['bench/pytorch/step.py'], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async measure(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`PyTorch ended at ${JSON.stringify(request)}`);
      const { ms, error } = JSON.parse(value);
      if (ms === undefined) throw new Error(`PyTorch at ${JSON.stringify(request)}: ${error}`);
      return ms;
    },
    close: () => child.stdin.end(),
  };
}

async function makeTrainer({ threads, batch, environments }) {
  const trainer = new addon.Trainer({
    seed: 1,
    device: 'cpu',
    threads,
    precision: 'float32',
    modalities: Object.entries(FEATURES).map(([name, features]) => ({ name, features })),
    outputs: 1,
    model: MODEL,
    environments: Array.from({ length: environments - 1 }, (_, e) => ({
      kind: 'gaussian',
      intensity: 0.3 * (e + 1),
    })),
    sharing: 'independent',
    weights: { invariance: 1, decorrelation: 0.5, reconstruction: 1 },
    decorrelation: { offDiagonal: 0.3 },
    prediction: { loss: 'l1', on: 'all' },
    reconstruction: { target: 'environment' },
    optimizer: { learningRate: 1e-4, weightDecay: 0.01, clipNorm: 1 },
  });
  const draw = (size) => Float32Array.from({ length: size }, () => 2 * Math.random() - 1);
  await trainer.upload({
    rows: batch,
    features: Object.values(FEATURES).map((width) => draw(batch * width)),
    targets: draw(batch),
    keys: null,
  });
  return trainer;
}

/** Milliseconds a step as the caller sees them, and the share that is spent outside the engine. */
async function measureNative(trainer, batch, steps) {
  const rows = Int32Array.from({ length: batch * steps }, (_, i) => i % batch);
  const start = performance.now();
  const { seconds } = await trainer.trainEpoch(rows, batch);
  const elapsed = performance.now() - start;
  return { ms: elapsed / steps, overhead: 1 - (seconds * 1000) / elapsed };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

async function measureRow(pytorch, shape) {
  const { batch, environments } = shape;
  const trainer = await makeTrainer(shape);
  await measureNative(trainer, batch, 2);
  // About a quarter of a second a round for cmir, at least two steps.
  const { ms } = await measureNative(trainer, batch, 2);
  const steps = Math.max(2, Math.ceil(250 / ms));
  const rounds = Object.fromEntries(['native', 'overhead', ...others].map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); ++round) {
    const native = await measureNative(trainer, batch, steps);
    rounds.native.push(native.ms);
    rounds.overhead.push(native.overhead);
    for (const what of others) {
      // PyTorch takes longer: as many steps as need about as long.
      const last = rounds[what].at(-1) ?? 3 * ms;
      const request = { what, features: FEATURES, ...shape, steps: Math.ceil(250 / last) };
      rounds[what].push(await pytorch.measure(request));
    }
  }
  trainer.dispose();
  const of = (name) => (rounds[name] === undefined ? null : median(rounds[name]));
  return {
    device: 'cpu',
    threads: shape.threads,
    batch,
    environments,
    native_ms: of('native'),
    eager_naive_ms: of('eager_naive'),
    eager_fast_ms: of('eager_fast'),
    compile_ms: of('compile'),
    gemm_floor_ms: of('gemm_floor'),
    js_overhead_pct: 100 * of('overhead'),
  };
}

const COLUMNS = [
  ['threads', (row) => row.threads],
  ['batch', (row) => row.batch],
  ['E', (row) => row.environments],
  ['cmir ms', (row) => row.native_ms.toFixed(2)],
  ...[
    ['naive', 'eager_naive_ms'],
    ['fast', 'eager_fast_ms'],
    ['compiled', 'compile_ms'],
    ['products', 'gemm_floor_ms'],
  ].map(([title, key]) => [
    title,
    (row) =>
      row[key] === null
        ? '-'
        : `${row[key].toFixed(1)} (${(row[key] / row.native_ms).toFixed(2)}x)`,
  ]),
  ['outside %', (row) => row.js_overhead_pct.toFixed(2)],
];

function print(cells) {
  console.log(cells.map((cell, i) => String(cell).padStart(i < 3 ? 7 : 15)).join(''));
}

const machine = {
  cpu: cpus()[0].model,
  cores: availableParallelism(),
  node: process.version,
  ...addon.describe(),
};
const pytorch = openPyTorch();
const rows = [];
if (!values.json) {
  console.log(`${machine.cpu}, ${machine.cores} cores, LibTorch ${machine.builtFor}`);
  console.log('milliseconds a step; in brackets, how many times that of cmir');
  print(COLUMNS.map(([title]) => title));
}
for (const threads of numbers(values.threads)) {
  for (const batch of numbers(values.batch)) {
    for (const environments of numbers(values.environments)) {
      rows.push(await measureRow(pytorch, { threads, batch, environments }));
      if (!values.json) print(COLUMNS.map(([, cell]) => cell(rows.at(-1))));
    }
  }
}
pytorch.close();
if (values.json) console.log(JSON.stringify({ machine, rows }, null, 2));
