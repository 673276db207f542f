import { Option, type Command } from 'commander';

import { CONVENTIONS, type Convention, type MetricReport, type Metrics } from '../../metrics';
import { loadModel } from '../../training/load';
import { openDataset, readSource } from '../../training/source';
import { parseNoise, parseSeed } from '../options';
import { printNotes } from '../notes';
import { makeReady } from '../ready';
import { metricTable } from '../table';

interface Flags {
  split: string;
  noise?: string;
  seed: string;
  metrics: Convention | 'all';
  device?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  program
    .command('evaluate')
    .description('metrics of a run’s best model')
    .argument('<run>', 'run folder')
    .argument('[dataset]', 'data set; default: the one the run was trained on')
    .option('--split <name>', 'which examples; all of them with: all', 'test')
    .option(
      '--noise <kind:level[@modalities]>',
      'noise on the standardised features, for example gaussian:0.7 or erase:0.5@text+audio',
    )
    .option('--seed <n>', 'key of the noise', '0')
    .addOption(
      new Option('--metrics <convention>', 'whose definitions of the regression metrics')
        .choices([...CONVENTIONS, 'all'])
        .default('mmsa'),
    )
    .option('--device <name>', 'auto, cpu, cuda or cuda:<i>')
    .option('--json', 'print one JSON document', false)
    .option('--quiet', 'no progress', false)
    .action(async (run: string, dataset: string | undefined, flags: Flags) => {
      await main(run, dataset, flags);
    });
}

async function main(run: string, path: string | undefined, flags: Flags): Promise<void> {
  const seed = parseSeed(flags.seed);
  const noise = flags.noise === undefined ? undefined : parseNoise(flags.noise, seed);
  await makeReady(flags.quiet);
  const model = await loadModel(run, flags.device === undefined ? {} : { device: flags.device });
  try {
    const { data, task } = model.config;
    const classes = model.shape.classes ?? undefined;
    const dataset = await openDataset(path ?? (await readSource(run)), {
      ...data,
      task,
      classes,
      requireTrain: false,
    });
    printNotes(dataset, flags.quiet);
    const split = flags.split === 'all' ? dataset.all : dataset.split(flags.split);
    const options = noise ? { noise } : {};
    const { metrics: convention } = flags;
    const shown = { split: flags.split, noise: noise ?? null, examples: split.rows.length };
    if (convention === 'all') {
      const conventions = await model.evaluateConventions(split, options);
      print({ ...shown, conventions }, flags, byConvention(conventions));
    } else {
      const report = await model.evaluate(split, { ...options, convention });
      const name = flags.noise === undefined ? flags.split : `${flags.split} ${flags.noise}`;
      const named = model.shape.task === 'regression' ? convention : null;
      print({ ...shown, convention: named, ...report }, flags, { [name]: report.metrics });
    }
  } finally {
    model.dispose();
  }
}

function print(document: object, { json }: Flags, rows: Readonly<Record<string, Metrics>>): void {
  console.log(json ? JSON.stringify(document, null, 2) : metricTable(rows));
}

function byConvention(conventions: Record<Convention, MetricReport>): Record<string, Metrics> {
  return Object.fromEntries(
    Object.entries(conventions).map(([name, { metrics }]) => [name, metrics]),
  );
}
