// Kills training runs with SIGKILL and resumes them until they end: each must end as the run that was never killed,
// byte for byte but for times, print the same, and be left untouched by one more --resume.
//
//   npm run -s kills -- [--count 50] [--seed 1] [--sweep] [--json]
//
// The moments are random: a time, or a file operation in the run folder, in one run up to four in a row, so that
// resumed runs are killed too. With --sweep every file operation of a short run is one instead, each in a run of its
// own. Exits with 1 when a run ends differently; its folder is kept.
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { clearTimeout, setTimeout } from 'node:timers';
import { parseArgs } from 'node:util';

const require = createRequire(import.meta.url);
const { syntheticDataset, writeDataset } = require('../dist/index.js');
const { keyedGenerator } = require('../dist/data/random.js');

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    sweep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const generator = keyedGenerator(Number(values.seed), 1);
const random = () => (generator.next() >>> 0) / 2 ** 32;
const below = (n) => Math.floor(random() * n);

const folder = mkdtempSync(join(tmpdir(), 'cmir-kills-'));
const data = join(folder, 'data');
const program = join(import.meta.dirname, '..', 'dist', 'cli', 'main.js');
const preload = join(import.meta.dirname, 'kill-at.mjs');
const settings = {
  threads: 1,
  'training.epochs': values.sweep ? 3 : 40,
  'training.patience': 0,
  'training.batchSize': 16,
  'model.hidden': 16,
};

/** Trains in `out`, going on where it can; killed at `moment`: {} never, { after: ms } or { at: operation }. */
function trainIn(out, moment = {}) {
  const args = [program, 'train', data, '--out', out, '--device', 'cpu', '--quiet', '--json'];
  for (const [key, value] of Object.entries(settings)) args.push('--set', `${key}=${value}`);
  if (existsSync(out)) args.push('--resume');
  const env = { ...process.env, CMIR_KILL_PATH: out, CMIR_KILL_AT: String(moment.at ?? 0) };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', preload, ...args], { env });
    const timer =
      moment.after === undefined
        ? undefined
        : setTimeout(() => child.kill('SIGKILL'), moment.after);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += chunk));
    child.stderr.on('data', (chunk) => (stderr += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && signal !== 'SIGKILL') reject(new Error(`exit code ${code}: ${stderr}`));
      else resolve({ killed: signal === 'SIGKILL', stdout, stderr });
    });
  });
}

const TIMES = ['seconds', 'native_seconds', 'examples_per_second', 'out'];
const withoutTimes = (text) =>
  JSON.stringify(JSON.parse(text), (key, value) => (TIMES.includes(key) ? undefined : value));

/** TensorBoard events without their wall times, the first field of each, and the checksums of these. */
function eventsWithoutTimes(bytes) {
  const events = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    events.push(bytes.subarray(at + 12 + 9, at + 12 + length));
    at += 12 + length + 4;
  }
  return Buffer.concat(events);
}

function essence(name, bytes) {
  if (name.includes('tfevents')) return eventsWithoutTimes(bytes).toString('base64');
  if (name.endsWith('.jsonl')) {
    return bytes.toString().trimEnd().split('\n').map(withoutTimes).join('\n');
  }
  return name.endsWith('.json') ? withoutTimes(bytes.toString()) : bytes.toString('base64');
}

/** What a run left in its folder, and printed, but for times. */
function resultOf(out, stdout) {
  const files = readdirSync(out).map((name) => [
    name,
    essence(name, readFileSync(join(out, name))),
  ]);
  return new Map([...files, ['standard output', withoutTimes(stdout)]]);
}

function differences(found, expected) {
  const names = new Set([...found.keys(), ...expected.keys()]);
  return [...names].filter((name) => found.get(name) !== expected.get(name));
}

/** When files were last changed, and what they hold. */
const stateOf = (out) =>
  readdirSync(out)
    .map((name) => {
      const path = join(out, name);
      return `${name} ${statSync(path).mtimeMs} ${readFileSync(path).toString('base64')}`;
    })
    .join('\n');

/** Kills one run at the moments given, lets it end, and says what is wrong with it. */
async function check(out, moments, expected) {
  const killed = [];
  for (const moment of moments) {
    if ((await trainIn(out, moment)).killed) killed.push(moment);
  }
  const { stdout } = await trainIn(out);
  const wrong = differences(resultOf(out, stdout), expected);
  const before = stateOf(out);
  const again = await trainIn(out);
  if (again.stdout !== stdout) wrong.push('standard output of one more --resume');
  if (stateOf(out) !== before) wrong.push('files after one more --resume');
  return { killed, wrong };
}

/** File operations up to the first checkpoint. */
const START = 25;

const describe = ({ at, after }) =>
  at === undefined ? `after ${after} ms` : `at file operation ${at}`;

async function main() {
  const small = { modalities: { text: 16, audio: 8 }, train: 320, valid: 60, test: 60, shifted: 0 };
  await writeDataset(syntheticDataset(small), data);
  const whole = join(folder, 'whole');
  const start = performance.now();
  const { stdout, stderr } = await trainIn(whole);
  const milliseconds = performance.now() - start;
  const operations = Number(/(\d+) file operations/.exec(stderr)?.[1]);
  const expected = resultOf(whole, stdout);

  // Every fourth kill comes at the very start, of which a run has only one.
  const moment = () =>
    random() < 0.5
      ? { after: below(milliseconds) }
      : { at: 1 + below(random() < 0.5 ? START : operations) };
  const totals = { seed: Number(values.seed), operations, runs: 0, kills: 0, wrong: [] };
  const total = values.sweep ? operations : count;
  while (values.sweep ? totals.runs < total : totals.kills < total) {
    const most = Math.min(1 + below(4), total - totals.kills);
    const moments = values.sweep ? [{ at: totals.runs + 1 }] : Array.from({ length: most }, moment);
    const out = join(folder, `run-${totals.runs}`);
    const { killed, wrong } = await check(out, moments, expected).catch((error) => ({
      killed: moments,
      wrong: [error.message.trim()],
    }));
    totals.runs += 1;
    totals.kills += killed.length;
    const when = killed.map(describe).join(', ');
    if (wrong.length > 0) totals.wrong.push({ out, moments: when, differs: wrong });
    else rmSync(out, { recursive: true });
    if (!values.json) {
      const verdict = wrong.length > 0 ? `DIFFERS in ${wrong.join(', ')}: ${out}` : 'same';
      console.log(`run ${totals.runs}, killed ${when || 'never'}: ${verdict}`);
    }
  }
  if (values.json) console.log(JSON.stringify(totals));
  else {
    const { seed, runs, kills, wrong } = totals;
    console.log(`seed ${seed}: ${kills} kills in ${runs} runs, ${wrong.length} ended differently`);
  }
  if (totals.wrong.length === 0) rmSync(folder, { recursive: true });
  else process.exitCode = 1;
}

await main();
