import { Option, type Command } from 'commander';
import { basename, join, relative, resolve } from 'node:path';

import { resolveConfig } from '../../config';
import { CmirError, messageOf } from '../../errors';
import { openDataset, saveSource } from '../../training/source';
import { train, type Run } from '../../training/train';
import { quoted } from '../command-line';
import { configurationOptions, outputOptions } from '../flags';
import { examples } from '../help';
import { interruptible } from '../interrupt';
import { readOptions } from '../options';
import { progressView } from '../progress';
import { printNotes } from '../notes';
import { makeReady } from '../ready';
import { metricTable } from '../table';

interface Flags {
  config?: string;
  set: string[];
  out?: string;
  seed?: string;
  device?: string;
  resume: boolean;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('train')
    .description('train, evaluate on test, write a run folder')
    .argument('[dataset]', 'data set, a folder or file; without it, the built-in synthetic data')
    .option('--resume', 'continue the run in --out after its last finished epoch', false)
    .action(async (dataset: string | undefined, flags: Flags) => {
      await main(dataset, flags);
    });
  configurationOptions(command).option('--seed <n>', 'same as --set seed=<n>');
  outputOptions(command, {
    out: new Option('--out <folder>', 'run folder; default: runs/<data set>-<time>-seed<n>'),
    quiet: 'no progress',
  });
  command.addHelpText('after', `\nKeys of --config and --set: docs/configuration.md`);
  examples(command, [
    ['cmir train', 'built-in synthetic data, a few seconds'],
    ['cmir train mosi/ --out runs/mosi --seed 2 --set training.epochs=50'],
    ['cmir train mosi/ --out runs/mosi --resume', 'goes on after Ctrl-C'],
  ]);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const options = await readOptions(flags.config, flags.set, {
    seed: flags.seed,
    device: flags.device,
  });
  const config = resolveConfig(options);
  if (flags.resume && flags.out === undefined) {
    throw new CmirError('ERR_CMIR_USAGE', '--resume: needs --out, the run folder to continue');
  }
  const dataset = await openDataset(path, { ...config.data, task: config.task });
  printNotes(dataset, flags.quiet);
  await makeReady(flags.quiet);

  const out = flags.out ?? defaultFolder(path, config.seed);
  const view = progressView(
    flags.quiet,
    config.training.metric === 'auto' ? metricOf(dataset) : config.training.metric,
  );
  const folder = { written: false };
  try {
    const run = await interruptible((signal) => {
      // A second Ctrl-C ends the process at once: the terminal is put right at the first.
      signal.addEventListener('abort', view.stop);
      return train(dataset, options, {
        out,
        resume: flags.resume,
        signal,
        onStart: () => {
          folder.written = true;
          return saveSource(out, path);
        },
        onEpoch: view.onEpoch,
        onProgress: view.onProgress,
      });
    });
    view.stop();
    print(run, out, flags.json);
    run.model.dispose();
  } catch (error) {
    view.stop();
    throw folder.written ? withAdvice(error, resumeCommand(path, flags, out)) : error;
  }
}

function metricOf(dataset: { label: { task: string } | null }): string {
  return dataset.label?.task === 'classification' ? 'Acc' : 'MAE';
}

function defaultFolder(path: string | undefined, seed: number): string {
  const name = path === undefined ? 'synthetic' : basename(resolve(path));
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  return join('runs', `${name}-${time}-seed${String(seed)}`);
}

function print(run: Run, out: string, json: boolean): void {
  const { metrics, config } = run;
  if (json) {
    console.log(JSON.stringify({ ...metrics, out, config }, null, 2));
    return;
  }
  const { baseline } = metrics;
  const sets = Object.fromEntries(
    Object.keys(baseline).flatMap((name) => [
      [name, metrics[name as 'test']],
      [`  constant on ${name}`, baseline[name] ?? {}],
    ]),
  );
  console.log(metricTable(sets));
  const names = run.model.shape.modalities.map((modality) => modality.name).join(', ');
  console.log(
    `\nbest epoch ${String(metrics.best_epoch)} of ${String(metrics.epochs)}, ${metrics.seconds.toFixed(1)} s, ` +
      `${String(metrics.parameters)} parameters, modalities ${names}\nrun folder: ${out}`,
  );
}

/** An interrupted run, or one that could not write, goes on later: its error says how. */
function withAdvice(error: unknown, command: string): unknown {
  const code = error instanceof CmirError ? error.code : undefined;
  if (code !== 'ERR_CMIR_ABORTED' && code !== 'ERR_CMIR_IO') return error;
  const problem = code === 'ERR_CMIR_ABORTED' ? 'interrupted' : messageOf(error);
  return new CmirError(
    code,
    `${problem}; the run is saved after its last finished epoch, resume with: ${command}`,
    { cause: error },
  );
}

function resumeCommand(path: string | undefined, flags: Flags, out: string): string {
  const words = ['cmir', 'train', ...(path === undefined ? [] : [relative('', path) || path])];
  if (flags.config !== undefined) words.push('--config', flags.config);
  for (const setting of flags.set) words.push('--set', setting);
  if (flags.seed !== undefined) words.push('--seed', flags.seed);
  if (flags.device !== undefined) words.push('--device', flags.device);
  return [...words, '--resume', '--out', out].map(quoted).join(' ');
}
