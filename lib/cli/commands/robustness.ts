import { Option, type Command } from 'commander';

import { saveSweep } from '../../experiments/files';
import { robustnessOfRuns, splitArguments } from '../../experiments/runs';
import { checkKind } from '../../experiments/sets';
import { EVALUATION_KINDS } from '../../training/noise';
import { commandLine } from '../command-line';
import { deviceOption, metricOption, outputOptions } from '../flags';
import { examples } from '../help';
import { suggesting } from '../named';
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
  const command = program
    .command('robustness')
    .description(
      'metrics of finished runs under noise and with modalities missing: the sweep noise-v1',
    )
    .usage('[options] <run...> [dataset]')
    .argument(
      '<run...>',
      'run folders, those that differ in their seed alone being one method; then a data set, by default the one they were trained on',
    )
    .addOption(
      suggesting(
        '--kinds <list>',
        'kinds of noise, for example gaussian,erase; default: all that fit',
        EVALUATION_KINDS,
        'list',
      ),
    )
    .option(
      '--levels <list>',
      'levels, for example 0.3,0.5; default: 0.1 to 0.7, and 1.4 of additive kinds',
    )
    .option('--draws <n>', 'draws of the noise that a value is the mean of', '1')
    .option('--seed <n>', 'key of the noise', '0')
    .addOption(metricOption('metric of the tables; default: MAE or Acc'))
    .addOption(deviceOption())
    .action(async (paths: string[], flags: Flags) => {
      await main(paths, flags);
    });
  outputOptions(command, {
    out: new Option('--out <folder>', 'folder for sweep.json and sweep.csv'),
    quiet: 'no progress',
  });
  examples(command, [
    ['cmir robustness runs/fusion-* runs/cmir-* --out sweep/', 'two methods, their seeds'],
    ['cmir robustness runs/a --kinds gaussian,erase --levels 0.3,0.7 --draws 5'],
    ['cmir report sweep/ --out report.html', 'the curves of it'],
  ]);
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
    command: commandLine(),
    onProgress: ({ model, models, set, sets }) => {
      if (flags.quiet || set < sets) return;
      console.error(`run ${String(model)} of ${String(models)}: ${String(sets)} test sets`);
    },
  });
  const metric = mainMetric(sweep, flags.metric);
  if (flags.out !== undefined) await saveSweep(flags.out, sweep);
  console.log(flags.json ? JSON.stringify(sweep, null, 2) : sweepTables(sweep, metric));
}
