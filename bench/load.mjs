// What loading the addon costs beyond loading LibTorch's libraries, and how soon `cmir --help` answers; each in
// processes of their own, alternating, medians: npm run -s bench:load
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const RUNS = 15;

/** In a process of its own: milliseconds for LibTorch's libraries, then for all that loadAddon does beside them. */
function measureHere() {
  const { findPair } = require('../dist/native/load.js');
  const { libraryFile } = require('../dist/native/libtorch.js');
  const { binary, libtorch } = findPair(root, process.env);
  const loader = require(binary.loader);
  const start = performance.now();
  for (const name of ['c10', 'torch_cpu', 'torch']) loader.open(libraryFile(libtorch.root, name));
  const opened = performance.now();
  require('../dist/native/load.js').loadAddon();
  const loaded = performance.now();
  console.log(JSON.stringify({ libtorch: opened - start, addon: loaded - opened }));
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function time(...args) {
  const start = performance.now();
  execFileSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - start;
}

if (process.argv.includes('--here')) {
  measureHere();
} else {
  const loads = [];
  const times = { node: [], help: [] };
  for (let run = 0; run < RUNS; ++run) {
    const child = [import.meta.filename, '--here'];
    loads.push(JSON.parse(execFileSync(process.execPath, child, { encoding: 'utf8' })));
    times.node.push(time('-e', '0'));
    times.help.push(time(join(root, 'dist', 'cli', 'main.js'), '--help'));
  }
  const ms = (values) => `${median(values).toFixed(1)} ms`;
  console.log(`LibTorch's libraries          ${ms(loads.map(({ libtorch }) => libtorch))}`);
  console.log(`the addon beyond them         ${ms(loads.map(({ addon }) => addon))}`);
  console.log(`node -e 0                     ${ms(times.node)}`);
  console.log(`cmir --help                   ${ms(times.help)}`);
}
