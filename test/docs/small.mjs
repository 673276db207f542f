// `cmir` as the blocks of the documentation call it, with few epochs, trials and seeds: small.mjs ARGUMENTS. What is
// given last counts, so a block's own numbers are parsed and checked, but not used.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const epochs = ['--set', 'training.epochs=2'];
const few = {
  train: epochs,
  search: [...epochs, '--trials', '2', '--finalists', '1', '--seeds', '2'],
  compare: [...epochs, '--seeds', '2'],
  sensitivity: [...epochs, '--seeds', '2'],
};

const args = process.argv.slice(2);
if (args[0] === 'setup') throw new Error('no test fetches or builds: skip the block');
const program = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js');
const all = args.includes('--help') ? args : [...args, ...(few[args[0]] ?? [])];
const { status } = spawnSync(process.execPath, [program, ...all], { stdio: 'inherit' });
process.exitCode = status ?? 1;
