// Reading a large pickle in MMSA's form, float32 arrays of padded sequences: Python's pickle.load, which copies the
// arrays and no more, beside loadDataset, which unpads and checks them too. Both take turns, each in a process of its own.
//
//   npm run -s bench:pickle [-- --gigabytes 1 --rounds 5 --folder TMP --json]
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

import { pythonEnvironment } from './python.mjs';

const { values } = parseArgs({
  options: {
    gigabytes: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
    load: { type: 'string' },
  },
});

/** Seconds and peak memory of loading `path` here: what the child prints. */
async function load(path) {
  const { loadDataset } = await import('cmir');
  const start = performance.now();
  const { size } = await loadDataset(path);
  const seconds = (performance.now() - start) / 1000;
  console.log(JSON.stringify({ seconds, memory: process.resourceUsage().maxRSS * 1024, size }));
}

const WRITE = `
import pickle, sys
import numpy as np
path, size = sys.argv[1], float(sys.argv[2])
examples = int(size * 2**30 / (50 * (768 + 74 + 35) * 4)) & ~1
g = np.random.default_rng(1)
def part(n, name):
    lengths = g.integers(10, 51, n)
    d = {"id": [f"{name}{i}" for i in range(n)], "regression_labels": g.standard_normal(n).astype("f4")}
    for m, width in (("text", 768), ("audio", 74), ("vision", 35)):
        x = g.standard_normal((n, 50, width), dtype="f4")
        for row, length in enumerate(lengths):
            x[row, length:] = 0
        d[m], d[m + "_lengths"] = x, lengths
    return d
with open(path, "wb") as file:
    pickle.dump({"train": part(examples // 2, "a"), "valid": part(examples // 2, "b")}, file, protocol=4)
`;
const READ = `
import json, pickle, resource, sys, time
import numpy
start = time.perf_counter()
with open(sys.argv[1], "rb") as file:
    data = pickle.load(file)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
`;

function run(program, args, env = process.env) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

function measure() {
  const { python, env } = pythonEnvironment();
  const folder = mkdtempSync(join(values.folder, 'cmir-bench-'));
  const path = join(folder, 'data.pkl');
  try {
    run(python, ['-c', WRITE, path, values.gigabytes], env);
    const bytes = statSync(path).size;
    const best = { cmir: undefined, python: undefined };
    for (let round = 0; round < Number(values.rounds); ++round) {
      const here = JSON.parse(run(process.execPath, [import.meta.filename, '--load', path]));
      const there = JSON.parse(run(python, ['-c', READ, path], env));
      if (!(here.seconds > best.cmir?.seconds)) best.cmir = here;
      if (!(there.seconds > best.python?.seconds)) best.python = there;
    }
    return {
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
      file_bytes: bytes,
      cmir_seconds: best.cmir.seconds,
      cmir_memory_of_file: best.cmir.memory / bytes,
      python_seconds: best.python.seconds,
      python_memory_of_file: best.python.memory / bytes,
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (values.load !== undefined) {
  await load(values.load);
} else {
  const result = measure();
  if (values.json) {
    console.log(JSON.stringify(result, null, 2));
  } else {
    const { cmir_seconds: here, python_seconds: there } = result;
    console.log(`${(result.file_bytes / 2 ** 30).toFixed(2)} GB, best of ${values.rounds}:`);
    console.log(
      `loadDataset: ${here.toFixed(2)} s, ${result.cmir_memory_of_file.toFixed(2)}x the file in memory`,
    );
    console.log(
      `pickle.load: ${there.toFixed(2)} s, ${result.python_memory_of_file.toFixed(2)}x the file in memory`,
    );
    console.log(`${(there / here).toFixed(2)} times the speed of pickle.load`);
  }
}
