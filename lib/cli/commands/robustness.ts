import type { Command } from 'commander';

import { saveSweep } from '../../experiments/files';
import { robustnessOfRuns, splitArguments } from '../../experiments/runs';
import { checkKind } from '../../experiments/sets';
import { parseCount, parseList, parseNumbers, parseSeed } from '../options';
import { makeReady } from '../ready';
import { mainMetric, sweepTables } from '../sweep-table';

interface Flags {
  kinds?: string;
  levels?: string;
  draws: string;
  seed: string;
  metric?: string;
  device?: string;
  out?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  program
    .command('robustness')
    .description(
      'metrics of finished runs under noise and with modalities missing: the sweep noise-v1',
    )
    .usage('[options] <run...> [dataset]')
    .argument(
      '<run...>',
      'run folders, those that differ in their seed alone being one method; then a data set, by default the one they were trained on',
    )
    .option('--kinds <list>', 'kinds of noise, for example gaussian,erase; default: all that fit')
    .option(
      '--levels <list>',
      'levels, for example 0.3,0.5; default: 0.1 to 0.7, and 1.4 of additive kinds',
    )
    .option('--draws <n>', 'draws of the noise that a value is the mean of', '1')
    .option('--seed <n>', 'key of the noise', '0')
    .option('--metric <name>', 'metric of the tables; default: MAE or Acc')
    .option('--device <name>', 'auto, cpu, cuda or cuda:<i>')
    .option('--out <dir>', 'folder for sweep.json and sweep.csv')
    .option('--json', 'print one JSON document', false)
    .option('--quiet', 'no progress', false)
    .action(async (paths: string[], flags: Flags) => {
      await main(paths, flags);
    });
}

async function main(paths: string[], flags: Flags): Promise<void> {
  const options = {
    seed: parseSeed(flags.seed),
    draws: parseCount('--draws', flags.draws),
    ...(flags.levels === undefined ? {} : { levels: parseNumbers('--levels', flags.levels) }),
    ...(flags.kinds === undefined
      ? {}
      : { kinds: parseList(flags.kinds).map((kind) => checkKind(kind, '--kinds')) }),
    ...(flags.device === undefined ? {} : { device: flags.device }),
  };
  await makeReady(flags.quiet);
  const { runs, dataset } = splitArguments(paths);
  const sweep = await robustnessOfRuns(runs, {
    ...options,
    dataset,
    command: ['cmir', ...process.argv.slice(2)].join(' '),
    onProgress: ({ model, models, set, sets }) => {
      if (flags.quiet || set < sets) return;
      console.error(`run ${String(model)} of ${String(models)}: ${String(sets)} test sets`);
    },
  });
  const metric = mainMetric(sweep, flags.metric);
  if (flags.out !== undefined) await saveSweep(flags.out, sweep);
  console.log(flags.json ? JSON.stringify(sweep, null, 2) : sweepTables(sweep, metric));
}
