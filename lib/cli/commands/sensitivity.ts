import type { Command } from 'commander';

import { resolveConfig } from '../../config';
import { methodSensitivity } from '../../experiments/compare/sensitivity';
import type { SensitivityRow } from '../../experiments/results';
import { openDataset } from '../../training/source';
import { interruptible } from '../interrupt';
import { printNotes } from '../notes';
import { collect, countOf, readOptions } from '../options';
import { makeReady } from '../ready';
import { alignedTable, shown } from '../table';

interface Flags {
  method: string;
  seeds: number;
  tuned?: string;
  parallel?: number;
  out?: string;
  config?: string;
  set: string[];
  device?: string;
  json: boolean;
  quiet: boolean;
}

export function register(program: Command): void {
  program
    .command('sensitivity')
    .description('how metrics answer to one setting at a time: weights, K and intensity')
    .argument('[dataset]', 'data set, a folder or file; without it, the built-in synthetic data')
    .option('--method <name>', 'method whose settings are varied', 'cmir')
    .option('--seeds <n>', 'seeds of each value', countOf('--seeds'), 3)
    .option('--tuned <folder>', 'start from the best settings of the searches in this folder')
    .option('--parallel <n>', 'trainings at once; default one a core', countOf('--parallel'))
    .option('--out <folder>', 'folder for sensitivity.json')
    .option('--config <file>', 'JSON file of configuration keys to start from')
    .option('--set <key=value>', 'set a configuration key; may be given again', collect, [])
    .option('--device <name>', 'auto, cpu, cuda or cuda:<i>')
    .option('--json', 'print one JSON document', false)
    .option('--quiet', 'no progress', false)
    .action(main);
}

async function main(path: string | undefined, flags: Flags): Promise<void> {
  const options = await readOptions(flags.config, flags.set, { device: flags.device });
  const config = resolveConfig(options);
  const dataset = await openDataset(path, { ...config.data, task: config.task });
  printNotes(dataset, flags.quiet);
  await makeReady(flags.quiet);
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
