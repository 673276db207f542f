// What starting costs: the program's help and version beside an empty Node, in turns, median of all.
//
//   npm run -s bench:startup -- [--json] [--rounds 20]
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '20' },
  },
});
const main = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const cases = {
  'node -e 0': ['-e', '0'],
  'cmir --help': [main, '--help'],
  'cmir --version': [main, '--version'],
  'cmir train --help': [main, 'train', '--help'],
  'cmir __complete tr': [main, '__complete', 'tr'],
};

const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); ++round) {
  for (const [name, args] of Object.entries(cases)) {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    times[name].push(performance.now() - start);
  }
}
const rows = Object.entries(times).map(([name, list]) => {
  const sorted = list.sort((a, b) => a - b);
  const rounded = (ms) => Math.round(ms * 10) / 10;
  return { name, median_ms: rounded(sorted[sorted.length >> 1]), least_ms: rounded(sorted[0]) };
});
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version };
if (values.json)
  console.log(JSON.stringify({ machine, rounds: Number(values.rounds), rows }, null, 2));
else
  for (const { name, median_ms, least_ms } of rows)
    console.log(`${name.padEnd(20)} ${median_ms} ms (least ${least_ms})`);
