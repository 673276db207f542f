import type { Command } from 'commander';

import { methodSensitivity } from '../../experiments/compare/sensitivity';
import { METHODS } from '../../experiments/methods';
import type { SensitivityRow } from '../../experiments/results';
import { experimentOptions, openExperiment, type ExperimentFlags } from '../experiment';
import { interruptible } from '../interrupt';
import { examples } from '../help';
import { suggesting } from '../named';
import { countOf } from '../options';
import { alignedTable, shown } from '../table';

interface Flags extends ExperimentFlags {
  method: string;
  seeds: number;
  tuned?: string;
}

export function register(program: Command): void {
  const names = METHODS.map(({ name }) => name);
  const command = program
    .command('sensitivity')
    .description('how metrics answer to one setting at a time: weights, K and intensity')
    .addOption(
      suggesting('--method <name>', 'method whose settings are varied', names).default('cmir'),
    )
    .option('--seeds <n>', 'seeds of each value', countOf('--seeds'), 3)
    .option('--tuned <folder>', 'start from the best settings of the searches in this folder')
    .action(main);
  experimentOptions(command, 'folder for sensitivity.json');
  examples(command, [
    ['cmir sensitivity mosi/ --out sensitivity/'],
    ['cmir sensitivity --seeds 1 --set training.epochs=20', 'a first look, on synthetic data'],
  ]);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const { dataset, options } = await openExperiment(path, flags);
  const rows = await interruptible((signal) =>
    methodSensitivity(dataset, {
      method: flags.method,
      seeds: flags.seeds,
      options,
      signal,
      ...(flags.tuned !== undefined && { tuned: flags.tuned }),
      ...(flags.parallel !== undefined && { parallel: flags.parallel }),
      ...(flags.out !== undefined && { out: flags.out }),
      onRows: ([row]) => {
        if (!flags.quiet && row !== undefined) console.error(`${row.key} = ${String(row.value)}`);
      },
    }),
  );
  console.log(flags.json ? JSON.stringify(rows, null, 2) : table(rows));
}

/** The main metric by setting and test set. */
function table(rows: readonly SensitivityRow[]): string {
  const [metric] = ['MAE', 'Acc'].filter((name) => rows.some((row) => row.metric === name));
  const own = rows.filter((row) => row.metric === metric);
  const sets = [...new Set(own.map(({ set }) => set))];
  const points = new Map(
    own.map(({ key, value }) => [`${key} = ${String(value)}`, { key, value }]),
  );
  return alignedTable([
    [metric ?? '', ...sets],
    ...[...points].map(([name, { key, value }]) => [
      name,
      ...sets.map((set) =>
        shown(own.find((row) => row.key === key && row.value === value && row.set === set)?.mean),
      ),
    ]),
  ]);
}
