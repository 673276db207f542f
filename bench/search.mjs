// How much faster a search is with several trainings at once: the same trials, in turns.
// node bench/search.mjs [DATASET] [--trials 12] [--rounds 3] [--parallel 2]
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { loadDataset, search, syntheticDataset } from '../dist/index.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    trials: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '3' },
    parallel: { type: 'string', default: '2' },
  },
});
const [path] = positionals;
const dataset = path === undefined ? syntheticDataset() : await loadDataset(path);
const trials = Number(values.trials);
const options = { training: { epochs: 10, patience: 0 } };

const secondsOf = async (parallel) => {
  const start = performance.now();
  await search(dataset, { trials, finalists: 1, seeds: 0, parallel, options });
  return (performance.now() - start) / 1000;
};

await secondsOf(1); // warm
for (let round = 0; round < Number(values.rounds); round += 1) {
  const one = await secondsOf(1);
  const many = await secondsOf(Number(values.parallel));
  console.log(
    `${trials} trials: ${one.toFixed(2)} s one at a time, ${many.toFixed(2)} s with ${values.parallel} at once: ` +
      `${(one / many).toFixed(2)} x the throughput`,
  );
}
