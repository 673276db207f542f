import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { DIST, cmir, tablesOf, writeTables } from '../helpers/program';
import { syntheticDataset } from '../../lib/data/synthetic';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

/** Long enough that seconds lie between the first line of progress and the end. */
const EPOCHS = 60;
const SETTINGS = [
  ...['--set', 'threads=1', '--set', 'training.patience=0', '--set', 'model.hidden=16'],
  // A list of JSON, which a shell would take apart.
  ...[
    '--set',
    'environments=[{"kind": "gaussian", "intensity": 0.5}, {"kind": "drop", "intensity": 0.2}]',
  ],
];

// A folder's name that a shell would take apart too.
const data = freshPath("it's my data");
const config = freshPath('my config.json');
const training = ['train', data, '--config', config, ...SETTINGS, '--seed', '4', '--device', 'cpu'];
const model = (out: string) => readFileSync(join(out, 'model.safetensors'));
const lastEpoch = (out: string) =>
  (JSON.parse(readFileSync(join(out, 'last.json'), 'utf8')) as { epoch: number }).epoch;
let whole: Buffer;

beforeAll(async () => {
  const options = { modalities: { text: 32, audio: 16 }, train: 1600, valid: 100, test: 100 };
  writeTables(data, tablesOf(syntheticDataset({ ...options, shifted: 0 })));
  writeFileSync(config, JSON.stringify({ training: { epochs: EPOCHS, batchSize: 16 } }));
  const out = freshPath();
  expect(await cmir([...training, '--out', out])).toMatchObject({ code: 0 });
  whole = model(out);
});

/** Trains, and sends a signal once an epoch beyond those before is told. */
function signalled(args: readonly string[], signal: NodeJS.Signals, cwd: string) {
  let sent = false;
  return cmir(args, {
    cwd,
    onError: (text, kill) => {
      if (sent || !text.includes('\n')) return;
      sent = true;
      kill(signal);
    },
  });
}

test('Ctrl-C exits 130 and prints the command that ends the run as if it had not been', async () => {
  const out = freshPath("a 'run'");
  // Relative paths in the printed command are of this folder.
  const cwd = dirname(freshPath());
  const { code, stdout, stderr } = await signalled([...training, '--out', out], 'SIGINT', cwd);
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' });
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(lastEpoch(out)).toBeGreaterThanOrEqual(1);
  expect(lastEpoch(out)).toBeLessThan(EPOCHS);
  expect(existsSync(join(out, 'metrics.json'))).toBe(false);

  const command = /resume with: (cmir train .*)$/m.exec(stderr)?.[1] ?? '';
  const bin = freshPath('bin');
  mkdirSync(bin);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${join(DIST, 'cli', 'main.js')}' "$@"\n`;
  writeFileSync(join(bin, 'cmir'), program, { mode: 0o755 });
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
  const resumed = spawnSync('sh', ['-c', command], { cwd, env, encoding: 'utf8' });
  expect({ command, ...resumed }).toMatchObject({ status: 0 });
  // It went on, not from the start.
  expect(resumed.stderr).not.toMatch(/^epoch 1:/m);
  expect(model(out).equals(whole)).toBe(true);
});

test('killed again and again, a resumed run ends as if it had not been', async () => {
  const out = freshPath();
  const cwd = dirname(out);
  const epochs: number[] = [];
  for (const resume of [[], ['--resume'], ['--resume']]) {
    const { code } = await signalled([...training, ...resume, '--out', out], 'SIGKILL', cwd);
    expect(code).toBeNull();
    epochs.push(lastEpoch(out));
  }
  expect([...epochs].sort((a, b) => a - b)).toEqual(epochs);
  expect(epochs.at(-1)).toBeLessThan(EPOCHS);
  expect(await cmir([...training, '--resume', '--out', out])).toMatchObject({ code: 0 });
  expect(model(out).equals(whole)).toBe(true);
  expect(readdirSync(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
