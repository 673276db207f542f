import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { syntheticDataset } from '../../lib/data/synthetic';
import { DIST, tablesOf, writeTables } from '../helpers/program';
import { content, unfinished } from '../training/content';
import { freshPath, removeFresh } from '../training/fixture';

afterAll(removeFresh);

const EPOCHS = 60;
const data = freshPath('data');
const training = (out: string) => [
  ...[join(DIST, 'cli', 'main.js'), 'train', data, '--out', out, '--device', 'cpu', '--quiet'],
  ...['--set', 'threads=1', '--set', 'model.hidden=4', '--set', 'model.latent=2'],
  ...['--set', `training.epochs=${String(EPOCHS)}`, '--set', 'training.patience=0'],
];

/** Runs `node` in a shell that lets it write files of so many blocks of 512 bytes. */
function node(args: readonly string[], blocks = 'unlimited') {
  const limited = `ulimit -f ${blocks} && exec "$0" "$@"`;
  return spawnSync('sh', ['-c', limited, process.execPath, ...args], { encoding: 'utf8' });
}

test('a run that fills what it may is told how to go on, and ends as if it had not been stopped', () => {
  const small = { modalities: { text: 6, audio: 4 }, train: 60, valid: 24, test: 24, shifted: 0 };
  writeTables(data, tablesOf(syntheticDataset(small)));
  const [whole, out] = [freshPath(), freshPath()];
  expect(node(training(whole))).toMatchObject({ status: 0 });

  // The checkpoint fits, the history of all epochs does not.
  const blocks = String(readFileSync(join(whole, 'history.jsonl')).length >> 10);
  const { status, stdout, stderr } = node(training(out), blocks);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toContain(`cannot write ${join(out, 'history.jsonl')}: EFBIG`);
  expect(stderr).toMatch(/allow larger files .* resume with: cmir train .* --resume --out /);
  expect(unfinished(out)).toEqual([]);
  const { epoch } = JSON.parse(readFileSync(join(out, 'last.json'), 'utf8')) as { epoch: number };
  expect(epoch).toBeGreaterThan(0);
  expect(epoch).toBeLessThan(EPOCHS);

  expect(node([...training(out), '--resume'])).toMatchObject({ status: 0 });
  expect(content(out)).toEqual(content(whole));
});
