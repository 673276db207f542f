import type { Command } from 'commander';

import { compare, DEFAULT_METHODS } from '../../experiments/compare';
import { tablesOf } from '../../experiments/compare/tables';
import { independentFactors } from '../../experiments/probes';
import { METHODS } from '../../experiments/methods';
import { fullSets, parseSet, standardSets } from '../../experiments/sets';
import type { ProbeRow } from '../../experiments/results';
import { MARKS, toText } from '../../experiments/tables/write';
import { EVALUATION_KINDS } from '../../training/noise';
import { best } from '../colour';
import { commandLine } from '../command-line';
import { experimentOptions, openExperiment, type ExperimentFlags } from '../experiment';
import { interruptible } from '../interrupt';
import { examples, glossary } from '../help';
import { suggesting } from '../named';
import { countOf, parseList } from '../options';
import { alignedTable } from '../table';

interface Flags extends ExperimentFlags {
  methods: string;
  seeds: number;
  sets: string;
  tuned?: string;
  baselines: boolean;
  probes: boolean;
}

export function register(program: Command): void {
  const names = METHODS.map(({ name }) => name);
  const command = program
    .command('compare')
    .description('methods and ablations side by side: mean and deviation over seeds, paired tests')
    .addOption(
      suggesting(
        '--methods <names>',
        'with commas between; tests are against the first',
        names,
        'list',
      ).default(DEFAULT_METHODS.join(',')),
    )
    .option('--seeds <n>', 'seeds of each method', countOf('--seeds'), 5)
    .addOption(
      suggesting(
        '--sets <names>',
        'test sets: standard, sweep, or names such as clean,gaussian:0.7',
        ['standard', 'sweep', 'clean', ...EVALUATION_KINDS.map((kind) => `${kind}:`)],
        'list',
      ).default('standard'),
    )
    .option('--tuned <folder>', 'take the best settings of the searches in this folder')
    .option('--no-baselines', 'without each modality alone')
    .option('--probes', 'look into the codes: label, environment, true factors', false)
    .action(main);
  experimentOptions(command, 'folder for tables and runs; one that was stopped continues');
  glossary(
    command,
    'Methods:',
    METHODS.map(({ name, description }) => [name, description]),
  );
  examples(command, [
    ['cmir compare mosi/ --out compare/', 'the default methods, five seeds each'],
    ['cmir compare --methods fusion,cmir --seeds 3', 'on the built-in synthetic data'],
    ['cmir compare mosi/ --tuned search/ --sets sweep --out tuned/'],
  ]);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const { dataset, options } = await openExperiment(path, flags);
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
  const tables = tablesOf(comparison).map((table) => alignedTable(withBest(toText(table))));
  if (comparison.probes !== undefined) tables.push(alignedTable(probeTable(comparison.probes)));
  console.log(
    [...tables, `${MARKS.replace(' (paired', '\n(paired')}; < best of its column`].join('\n\n'),
  );
  if (flags.out !== undefined) console.log(`results: ${flags.out}`);
}

/** The best of each column in colour. */
function withBest(table: readonly (readonly string[])[]): string[][] {
  return table.map((row) => row.map((cell) => (cell.endsWith(' <') ? best(cell) : cell)));
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
