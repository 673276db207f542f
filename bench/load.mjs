// What loading the addon costs beyond LibTorch's libraries, once a pair has been tried: each round in a process of its
// own, median of all.
//
//   npm run -s bench:load -- [--json] [--rounds 20]
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
    here: { type: 'boolean', default: false },
  },
});
const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);

/** Milliseconds for LibTorch's libraries, then for all that loadAddon does beside them. */
function measureHere() {
  const { findPair, loadAddon } = require('../dist/native/load.js');
  const { libraryFile } = require('../dist/native/libtorch.js');
  const { binary, libtorch } = findPair(root, process.env);
  const loader = require(binary.loader);
  const start = performance.now();
  for (const name of ['c10', 'torch_cpu', 'torch']) loader.open(libraryFile(libtorch.root, name));
  const opened = performance.now();
  loadAddon();
  return { libtorch: opened - start, addon: performance.now() - opened };
}

function measure() {
  const child = [import.meta.filename, '--here'];
  const rounds = Array.from({ length: Number(values.rounds) }, () =>
    JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' })),
  );
  const rows = Object.keys(rounds[0]).map((name) => {
    const sorted = rounds.map((round) => round[name]).sort((a, b) => a - b);
    const rounded = (ms) => Math.round(ms * 10) / 10;
    return { name, median_ms: rounded(sorted[sorted.length >> 1]), least_ms: rounded(sorted[0]) };
  });
  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
  if (values.json) {
    console.log(JSON.stringify({ machine, rounds: rounds.length, rows }, null, 2));
    return;
  }
  for (const { name, median_ms, least_ms } of rows)
    console.log(`${name.padEnd(20)} ${median_ms} ms (least ${least_ms})`);
}

if (values.here) console.log(JSON.stringify(measureHere()));
else measure();
