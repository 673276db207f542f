// What training costs the program around it: delay of the event loop, and the share of each epoch that is spent
// outside the engine. On a data set folder, or on the built-in synthetic data.
//
//   node bench/event-loop.mjs [FOLDER] [--json]
import { availableParallelism, cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { loadDataset, syntheticDataset, train } from 'cmir';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false } },
});
const [folder] = positionals;
const data = folder === undefined ? syntheticDataset() : await loadDataset(folder);

// Milliseconds between two looks at the clock: it counts what comes later than that.
const resolution = 1;
const delay = monitorEventLoopDelay({ resolution });
const epochs = [];
const run = await train(
  data,
  { training: { patience: 0, epochs: 30 } },
  {
    // The first look at the data is over, the epochs begin.
    onStart: () => delay.enable(),
    onEpoch: (record) => epochs.push(record),
    onProgress: () => undefined,
  },
);
delay.disable();
run.model.dispose();

const milliseconds = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - resolution);
const sum = (key) => epochs.reduce((total, epoch) => total + epoch[key], 0);
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const result = {
  machine: { cpu: cpus()[0].model, cores: availableParallelism(), node: process.version },
  data: data.name,
  epochs: epochs.length,
  seconds_per_epoch: sum('seconds') / epochs.length,
  event_loop_delay_ms: {
    p50: milliseconds(delay.percentile(50)),
    p99: milliseconds(delay.percentile(99)),
    max: milliseconds(delay.max),
  },
  // Of the median epoch; the first ones also compile the JavaScript.
  share_outside_engine: median(epochs.map((epoch) => 1 - epoch.native_seconds / epoch.seconds)),
  share_outside_engine_of_all: 1 - sum('native_seconds') / sum('seconds'),
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const { p50, p99, max } = result.event_loop_delay_ms;
  console.log(`${data.name}: ${epochs.length} epochs of ${result.seconds_per_epoch.toFixed(3)} s`);
  console.log(
    `event loop delay: median ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`,
  );
  const percent = (share) => `${(100 * share).toFixed(2)} %`;
  console.log(
    `outside the engine: ${percent(result.share_outside_engine)} of the median epoch, ` +
      `${percent(result.share_outside_engine_of_all)} of all`,
  );
}
