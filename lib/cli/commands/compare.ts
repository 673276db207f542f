import type { Command } from 'commander';

import { resolveConfig } from '../../config';
import { compare, DEFAULT_METHODS } from '../../experiments/compare';
import { tablesOf } from '../../experiments/compare/tables';
import { independentFactors } from '../../experiments/probes';
import { METHODS } from '../../experiments/methods';
import { fullSets, parseSet, standardSets } from '../../experiments/sets';
import type { ProbeRow } from '../../experiments/results';
import { MARKS, toText } from '../../experiments/tables/write';
import { openDataset } from '../../training/source';
import { commandLine } from '../command-line';
import { interruptible } from '../interrupt';
import { printNotes } from '../notes';
import { collect, countOf, parseList, readOptions } from '../options';
import { makeReady } from '../ready';
import { alignedTable } from '../table';

interface Flags {
  methods: string;
  seeds: number;
  sets: string;
  tuned?: string;
  parallel?: number;
  baselines: boolean;
  probes: boolean;
  out?: string;
  config?: string;
  set: string[];
  device?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  program
    .command('compare')
    .description('methods and ablations side by side: mean and deviation over seeds, paired tests')
    .argument('[dataset]', 'data set, a folder or file; without it, the built-in synthetic data')
    .option(
      '--methods <names>',
      'with commas between; tests are against the first',
      DEFAULT_METHODS.join(','),
    )
    .option('--seeds <n>', 'seeds of each method', countOf('--seeds'), 5)
    .option(
      '--sets <names>',
      'test sets: standard, sweep, or names such as clean,gaussian:0.7',
      'standard',
    )
    .option('--tuned <folder>', 'take the best settings of the searches in this folder')
    .option('--parallel <n>', 'trainings at once; default one a core', countOf('--parallel'))
    .option('--no-baselines', 'without each modality alone')
    .option('--probes', 'look into the codes: label, environment, true factors', false)
    .option('--out <folder>', 'folder for tables and runs; one that was stopped continues')
    .option('--config <file>', 'JSON file of configuration keys that all methods share')
    .option('--set <key=value>', 'set a configuration key; may be given again', collect, [])
    .option('--device <name>', 'auto, cpu, cuda or cuda:<i>')
    .option('--json', 'print one JSON document', false)
    .option('--quiet', 'no progress', false)
    .addHelpText('after', () => {
      const width = Math.max(...METHODS.map(({ name }) => name.length));
      const lines = METHODS.map(
        ({ name, description }) => `  ${name.padEnd(width)}  ${description}`,
      );
      return `\nMethods:\n${lines.join('\n')}`;
    })
    .action(main);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const options = await readOptions(flags.config, flags.set, { device: flags.device });
  const config = resolveConfig(options);
  const dataset = await openDataset(path, { ...config.data, task: config.task });
  printNotes(dataset, flags.quiet);
  await makeReady(flags.quiet);
  const sets =
    flags.sets === 'standard'
      ? standardSets(dataset)
      : flags.sets === 'sweep'
        ? fullSets(dataset)
        : parseList(flags.sets).map(parseSet);
  const methods = parseList(flags.methods);
  const total = methods.length * flags.seeds;
  let count = 0;
  const comparison = await interruptible((signal) =>
    compare(dataset, {
      methods,
      seeds: flags.seeds,
      sets,
      options,
      baselines: flags.baselines,
      ...(flags.probes
        ? { probes: path === undefined ? { shares: independentFactors() } : {} }
        : {}),
      source: path ?? null,
      command: commandLine(),
      signal,
      ...(flags.tuned === undefined ? {} : { tuned: flags.tuned }),
      ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
      ...(flags.out === undefined ? {} : { out: flags.out }),
      onRun: ({ method, seed }) => {
        count += 1;
        if (!flags.quiet)
          console.error(`${String(count)}/${String(total)}: ${method}, seed ${String(seed)}`);
      },
    }),
  );
  if (flags.json) {
    console.log(JSON.stringify(comparison, null, 2));
    return;
  }
  const tables = tablesOf(comparison).map((table) => alignedTable(toText(table)));
  if (comparison.probes !== undefined) tables.push(alignedTable(probeTable(comparison.probes)));
  console.log([...tables, `${MARKS}; < best of its column`].join('\n\n'));
  if (flags.out !== undefined) console.log(`results: ${flags.out}`);
}

function probeTable(rows: readonly ProbeRow[]): string[][] {
  const shown = (value: number | null): string => value?.toFixed(3) ?? '–';
  return [
    ['probes', 'code', 'target', 'R² or accuracy', 'share of variance'],
    ...rows.map(({ method, code, target, probe, explained }) => [
      ...[method, code, target, shown(probe), shown(explained)],
    ]),
  ];
}
