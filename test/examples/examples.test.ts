import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../helpers/program';

const FOLDER = join(ROOT, 'examples');
const NUMBER = String.raw`-?\d+\.\d+`;

/** What each prints, in this order. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  'arrays.mjs': [/^epoch 10: /m, /^test accuracy 0\.9|1\./m, /predicted (happy|sad) with/],
  'callbacks.mjs': [
    /^epoch 1: loss .*\*$/m,
    /^stopped after \d\d? epochs/m,
    /: ERR_CMIR_ABORTED\n$/,
  ],
  'first.mjs': [
    /parameters, best of/,
    new RegExp(`^test +${NUMBER} +${NUMBER} +${NUMBER}$`, 'm'),
    new RegExp(`^shifted +${NUMBER} +${NUMBER} +${NUMBER}$`, 'm'),
    /, in truth /,
  ],
  'missing.mjs': [/fusion +cmir-mixed\n/, new RegExp(`^no text, no audio +${NUMBER}`, 'm')],
  'predict.mjs': [/^a: /m, /^c: /m, /gaussian noise 1\.4: /],
  'search.mjs': [/^trial \d: MAE/m, /^best: trial \d/m, /^MAE on test .* of a constant/m],
  'sequences.mjs': [/^audio: up to 12 frames, missing for \d+/m, /in memory, /],
  'server.mjs': [
    /^listening on http/m,
    new RegExp(`^20 answers: ${NUMBER}, .* in batches of (\\d+(, |$))+`, 'm'),
    /^400: body\/audio/m,
  ],
  'shift.mjs': [/^fusion +MAE/m, /^cmir +MAE/m],
  'workers.mjs': [/^seed \d: MAE/m, /^mean of their predictions: MAE/m],
};

const examples = readdirSync(FOLDER).filter((name) => name.endsWith('.mjs'));

/** Runs an example as its users do; `onOutput` sees what it printed so far. */
function run(
  name: string,
  env: NodeJS.ProcessEnv = {},
  onOutput?: (stdout: string, kill: () => void) => void,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(FOLDER, name)], {
      env: { ...process.env, ...env },
    });
    const printed = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => {
      printed.stdout += chunk.toString();
      onOutput?.(printed.stdout, () => child.kill('SIGTERM'));
    });
    child.stderr.on('data', (chunk: Buffer) => (printed.stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, ...printed });
    });
  });
}

test.each(examples)('%s runs, and prints what it is about', async (name) => {
  const { code, stdout, stderr } = await run(name);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(PRINTED).toHaveProperty([name]);
  for (const pattern of PRINTED[name] ?? []) expect(stdout).toMatch(pattern);
});

test('the server answers on the port it is given, and ends in order on SIGTERM', async () => {
  let asked: Promise<Response> | undefined;
  const { code, stdout } = await run('server.mjs', { PORT: '0' }, (text, kill) => {
    const address = /listening on (\S+)/.exec(text)?.[1];
    if (address === undefined || asked !== undefined) return;
    asked = fetch(`${address}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    void asked.finally(kill);
  });
  expect((await asked)?.status).toBe(400);
  expect(code).toBe(0);
  expect(stdout).not.toContain('answers');
});

test('each is in the table of examples, imports the library by its name and is short', () => {
  const table = readFileSync(join(FOLDER, 'README.md'), 'utf8');
  for (const name of examples) {
    const text = readFileSync(join(FOLDER, name), 'utf8');
    expect(table).toContain(`[${name}](${name})`);
    expect(text).toMatch(/from 'cmir';/);
    expect(text).not.toMatch(/from '\.\.?\//);
    expect(text.split('\n').length).toBeLessThan(90);
  }
});
