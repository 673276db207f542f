// Training on data that stays in a file against the same data in memory: examples a second of one epoch in random
// order, and the most memory the process held, each in a process of its own, in turn. Environments 1 is plain fusion
// without constraints, whose step is short: then reading shows most.
//
//   npm run -s bench:mapped -- [--gigabytes 2] [--folder TMP] [--environments 4] [--rounds 3] [--mapped-only] [--json]
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { addon, FEATURES, makeConfig } from './native.mjs';

const { values } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '2' },
    folder: { type: 'string', default: tmpdir() },
    environments: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    'mapped-only': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    // Of the processes that are measured.
    measure: { type: 'string' },
    file: { type: 'string' },
  },
});
const WIDTHS = Object.values(FEATURES);
const EXAMPLE = 4 * WIDTHS.reduce((sum, width) => sum + width, 0);
const BATCH = 128;
const examples = Math.floor((Number(values.gigabytes) * 1e9) / EXAMPLE);

if (values.measure === undefined) {
  run();
} else {
  console.log(JSON.stringify(await measure(values.measure, values.file)));
}

function run() {
  const folder = mkdtempSync(join(values.folder, 'cmir-mapped-'));
  const file = join(folder, 'values.f32');
  try {
    writeValues(file, examples * EXAMPLE);
    const kinds = values['mapped-only'] ? ['mapped'] : ['memory', 'mapped'];
    const best = {};
    for (let round = 0; round < Number(values.rounds); round += 1) {
      for (const kind of kinds) {
        const result = inProcess(kind, file);
        console.error(describe(kind, result));
        const { speed = 0, megabytes = 0 } = best[kind] ?? {};
        best[kind] = {
          speed: Math.max(speed, result.speed),
          megabytes: Math.max(megabytes, result.megabytes),
        };
      }
    }
    const ratio = best.memory && best.mapped.speed / best.memory.speed;
    if (values.json) {
      const { gigabytes, environments } = values;
      console.log(JSON.stringify({ gigabytes, environments, examples, ...best, ratio }, null, 2));
    } else {
      for (const kind of kinds) console.log(describe(kind, best[kind]));
      if (ratio) console.log(`mapped is ${ratio.toFixed(3)} times as fast as in memory`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function describe(kind, { speed, megabytes }) {
  return `${kind}: ${speed.toFixed(0)} examples/s, at most ${megabytes.toFixed(0)} MB`;
}

/** A file of so many bytes: one block of values in [-1, 1), over and over. */
function writeValues(file, bytes) {
  const block = new Uint8Array(
    Float32Array.from({ length: 4e6 + 3 }, () => 2 * Math.random() - 1).buffer,
  );
  const handle = openSync(file, 'w');
  for (let done = 0; done < bytes;) {
    done += writeSync(handle, block, 0, Math.min(block.length, bytes - done));
  }
  closeSync(handle);
}

function inProcess(kind, file) {
  const { gigabytes, environments } = values;
  const options = { gigabytes, environments, measure: kind, file };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  return JSON.parse(execFileSync(process.execPath, [import.meta.filename, ...args]).toString());
}

/** Trains one epoch in this process. */
async function measure(kind, file) {
  const environments = Number(values.environments);
  const config = makeConfig({ threads: 0, environments });
  if (environments === 1)
    Object.assign(config.weights, { invariance: 0, decorrelation: 0, reconstruction: 0 });
  const rows = shuffled(examples);
  const normalizers = {};
  const features = featuresOf(kind, file);
  let start = performance.now();
  for (const [m, name] of Object.keys(FEATURES).entries()) {
    const { mean, std } = await addon.fitNormalizer(features[m], WIDTHS[m], rows, 0);
    const shape = [WIDTHS[m]];
    normalizers[`normalizer.${name}.mean`] = { shape, data: mean };
    normalizers[`normalizer.${name}.std`] = { shape, data: std };
  }
  const fitting = (performance.now() - start) / 1e3;
  const trainer = new addon.Trainer(config);
  const state = await trainer.getState(false);
  await trainer.setState({ ...state, tensors: { ...state.tensors, ...normalizers } });
  const targets = Float32Array.from({ length: examples }, () => 2 * Math.random() - 1);
  const data = { rows: examples, replaceNonFinite: false, targets, keys: null };
  await trainer.upload({ ...data, features });
  await trainer.trainEpoch(rows.subarray(0, 16 * BATCH), BATCH);
  start = performance.now();
  await trainer.trainEpoch(rows, BATCH);
  const speed = examples / ((performance.now() - start) / 1e3);
  trainer.dispose();
  return { speed, fitting, megabytes: process.resourceUsage().maxRSS / 1e3 };
}

function shuffled(length) {
  const rows = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i -= 1) {
    const j = Math.floor(Math.random() * (i + 1));
    [rows[i], rows[j]] = [rows[j], rows[i]];
  }
  return rows;
}

/** The modalities one after another in the file, or read from it. */
function featuresOf(kind, path) {
  let offset = 0;
  return WIDTHS.map((width) => {
    const place = { path, offset, rows: examples };
    offset += 4 * examples * width;
    return { values: kind === 'mapped' ? place : read(place, width), offsets: null };
  });
}

function read({ path, offset, rows }, width) {
  const floats = new Float32Array(rows * width);
  const bytes = new Uint8Array(floats.buffer);
  const handle = openSync(path, 'r');
  for (let done = 0; done < bytes.length;) {
    const length = Math.min(2 ** 30, bytes.length - done);
    done += readSync(handle, bytes, done, length, offset + done);
  }
  closeSync(handle);
  return floats;
}
