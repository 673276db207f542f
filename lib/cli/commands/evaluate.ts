import type { Command } from 'commander';

import { CONVENTIONS, type Convention, type MetricReport, type Metrics } from '../../metrics';
import { loadModel } from '../../training/load';
import { openDataset, readSource } from '../../training/source';
import { EVALUATION_KINDS } from '../../training/noise';
import { deviceOption, outputOptions, splitOption } from '../flags';
import { examples } from '../help';
import { once, oneOf, suggesting } from '../named';
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
  const command = program
    .command('evaluate')
    .description('metrics of a run’s best model')
    .argument('<run>', 'run folder')
    .argument('[dataset]', 'data set; default: the one the run was trained on')
    .addOption(splitOption('which examples; all of them with: all', 'test'))
    .addOption(
      once(
        suggesting(
          '--noise <kind:level>',
          'noise on the standardised features, for example gaussian:0.7 or erase:0.5@text+audio; kinds: ' +
            EVALUATION_KINDS.join(', '),
          EVALUATION_KINDS.map((kind) => `${kind}:`),
        ),
        'cmir robustness tests under many',
      ),
    )
    .option('--seed <n>', 'key of the noise', '0')
    .addOption(
      oneOf('--metrics <convention>', 'whose definitions of the regression metrics', [
        ...CONVENTIONS,
        'all',
      ]).default('mmsa'),
    )
    .addOption(deviceOption())
    .action(async (run: string, dataset: string | undefined, flags: Flags) => {
      await main(run, dataset, flags);
    });
  outputOptions(command, { quiet: 'no notes' });
  examples(command, [
    ['cmir evaluate runs/a', 'the test split of its own data'],
    ['cmir evaluate runs/a --noise gaussian:0.7', 'how it stands noise'],
    ['cmir evaluate runs/a other.npz --split all --metrics all'],
  ]);
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
