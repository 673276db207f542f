// Loads random mutations of small valid data sets in every form. Whatever happens must be a data set or a CmirError that
// names the path: no other error, no crash, no load over 5 s, no memory above 4 x the file and 100 MB.
//
//   node scripts/fuzz.mjs [--count 1000] [--seed 1] [--only NAME] [--json]
//
// Each form runs in a process of its own. Exits with 1 when something is wrong; the offending files are kept.
import { Buffer } from 'node:buffer';
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { loadDataset, writeDataset, Dataset, CmirError } = require('../dist/index.js');
const { WRITE_FORMATS } = require('../dist/data/write.js');
const { keyedGenerator } = require('../dist/data/random.js');

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
const MOST_SECONDS = 5;
const MOST_MEMORY = 100 * 2 ** 20;

/** A few examples with all that a data set may hold. */
function sample() {
  const rows = Array.from({ length: 6 }, (_, i) => i);
  return new Dataset({
    name: 'sample',
    ids: rows.map((i) => `video$_$${String(i)}`),
    modalities: [
      {
        name: 'audio',
        features: 3,
        values: Float32Array.from({ length: 18 }, (_, i) => (i === 4 ? NaN : i / 7)),
        nanIsMissing: true,
      },
      {
        name: 'text',
        features: 2,
        values: Float32Array.from({ length: 16 }, (_, i) => i / 3 - 2),
        offsets: Float64Array.of(0, 2, 3, 3, 5, 6, 8),
      },
    ],
    label: { name: 'label', task: 'regression', values: Float32Array.from(rows, (i) => i / 10) },
    splits: new Map([
      ['train', Int32Array.of(0, 1, 2)],
      ['valid', Int32Array.of(3, 4, 5)],
    ]),
    metadata: { raw_text: rows.map((i) => `word, "${String(i)}"`) },
  });
}

/** Valid data sets by name, in a folder. */
async function makeSources(folder) {
  for (const format of WRITE_FORMATS) {
    await writeDataset(sample(), join(folder, format === 'npz' ? 'npz.npz' : format), { format });
  }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, 'python-env.mjs')],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    console.error(`without Python, pickles are left out: ${stderr.trim()}`);
    return;
  }
  const { python, PYTHONPATH } = JSON.parse(stdout);
  const script = join(import.meta.dirname, '..', 'test', 'python', 'write_formats.py');
  const written = spawnSync(python, [script, folder], { env: { ...process.env, PYTHONPATH } });
  if (written.status !== 0) throw new Error(String(written.stderr));
  for (const name of ['three', 'two']) rmSync(join(folder, name), { recursive: true });
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** A damaged copy: one to four of flips, cuts, insertions, repetitions, numbers and swaps. */
function mutate(bytes, next) {
  const below = (n) => (n <= 0 ? 0 : (next() >>> 0) % n);
  let out = Buffer.from(bytes);
  for (let left = 1 + below(4); left > 0; left -= 1) {
    const at = below(out.length);
    const length = 1 + below(below(2) === 0 ? 8 : 200);
    switch (below(8)) {
      case 0:
        for (let i = at; i < Math.min(out.length, at + length); i += 1) out[i] ^= 1 << below(8);
        break;
      case 1:
        if (out.length > 0) out[at] = below(256);
        break;
      case 2:
        out = out.subarray(0, at);
        break;
      case 3:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
        break;
      case 4:
        out = Buffer.concat([out.subarray(0, at), out.subarray(at, at + length), out.subarray(at)]);
        break;
      case 5: {
        const junk = Buffer.from(Array.from({ length }, () => below(256)));
        out = Buffer.concat([out.subarray(0, at), junk, out.subarray(at)]);
        break;
      }
      case 6:
        if (out.length >= 8) {
          const value = INTERESTING[below(INTERESTING.length)];
          const place = below(out.length - 7);
          if (below(2) === 0) out.writeUInt32LE(value, place);
          else out.writeBigUInt64LE(BigInt(value) << BigInt(below(32)), place);
        }
        break;
      default: {
        const other = below(out.length);
        const part = Buffer.from(out.subarray(other, other + length));
        part.copy(out, at);
      }
    }
  }
  return out;
}

function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).map((name) => join(path, name));
}

/** Mutates one source `count` times; prints what became of it. */
async function fuzz(source) {
  const next = (
    (generator) => () =>
      generator.next()
  )(keyedGenerator(seed, 1));
  const workplace = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'cmir-fuzz-'));
  const path = join(workplace, 'data');
  const originals = filesOf(source).map((file) => [relative(source, file), readFileSync(file)]);
  const largest = originals.reduce((sum, [, bytes]) => sum + bytes.length, 0);
  const result = { loaded: 0, refused: 0, slowest: 0, wrong: [] };
  await loadDataset(source, { requireTrain: false }); // Code is loaded before memory is measured.
  const before = process.resourceUsage().maxRSS * 1024;
  for (let i = 0; i < count; i += 1) {
    const target = originals[(next() >>> 0) % originals.length];
    const damaged = mutate(target[1], next);
    rmSync(path, { recursive: true, force: true });
    if (target[0] === '') {
      writeFileSync(path, damaged);
    } else {
      mkdirSync(path);
      for (const [name, bytes] of originals) {
        writeFileSync(join(path, name), name === target[0] ? damaged : bytes);
      }
    }
    const start = performance.now();
    let problem;
    try {
      await loadDataset(path, { requireTrain: false, requireLabel: i % 2 === 0 });
      result.loaded += 1;
    } catch (error) {
      result.refused += 1;
      if (!(error instanceof CmirError)) problem = String(error.stack ?? error);
      else if (!error.message.includes(path)) problem = `names no path: ${error.message}`;
    }
    const seconds = (performance.now() - start) / 1000;
    result.slowest = Math.max(result.slowest, seconds);
    if (seconds > MOST_SECONDS) problem ??= `took ${seconds.toFixed(1)} s`;
    if (problem !== undefined && result.wrong.length < 5) {
      const kept = join(tmpdir(), `cmir-fuzz-${String(process.pid)}-${String(i)}`);
      cpSync(path, kept, { recursive: true });
      result.wrong.push({ kept, problem });
    }
  }
  rmSync(workplace, { recursive: true });
  result.memory = process.resourceUsage().maxRSS * 1024 - before;
  if (result.memory > MOST_MEMORY + 4 * largest) {
    result.wrong.push({ problem: `took ${String(result.memory >> 20)} MB` });
  }
  console.log(JSON.stringify(result));
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'cmir-fuzz-'));
  await makeSources(folder);
  let failed = false;
  for (const name of readdirSync(folder)) {
    if (values.only !== undefined && !name.includes(values.only)) continue;
    const { status, signal, stdout, stderr } = spawnSync(
      process.execPath,
      [
        '--max-semi-space-size=1',
        import.meta.filename,
        '--child',
        join(folder, name),
        '--count',
        values.count,
        '--seed',
        values.seed,
      ],
      { encoding: 'utf8', maxBuffer: 2 ** 28 },
    );
    const result =
      status === 0
        ? JSON.parse(stdout)
        : { wrong: [{ problem: `crashed: ${signal ?? status}: ${stderr.slice(-2000)}` }] };
    failed ||= result.wrong.length > 0;
    if (values.json) {
      console.log(JSON.stringify({ name, count, ...result }));
    } else {
      const { loaded = 0, refused = 0, slowest = 0, memory = 0, wrong } = result;
      console.log(
        `${name}: ${loaded} loaded, ${refused} refused, slowest ${(slowest * 1000).toFixed(0)} ms, ` +
          `${(memory / 2 ** 20).toFixed(0)} MB more, ${wrong.length} wrong`,
      );
      for (const { kept, problem } of wrong) console.log(`  ${kept ?? ''} ${problem}`);
    }
  }
  rmSync(folder, { recursive: true });
  process.exitCode = failed ? 1 : 0;
}

await (values.child === undefined ? main() : fuzz(values.child));
