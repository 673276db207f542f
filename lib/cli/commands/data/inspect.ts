import type { Command } from 'commander';

import { resolveConfig } from '../../../config';
import { inspectDataset } from '../../../data/inspect';
import { loadDataset } from '../../../data/load';
import { inspectionPage } from '../../inspection';
import { collect, readOptions } from '../../options';

interface Flags {
  set: string[];
  json: boolean;
}

export function register(data: Command): void {
  data
    .command('inspect')
    .description('sizes, lengths, labels, and what may be wrong')
    .argument('<dataset>', 'data set of any form')
    .option('--set <key=value>', 'data.label, task or data.nonFinite, as in training', collect, [])
    .option('--json', 'print one JSON document', false)
    .addHelpText(
      'after',
      `
Examples:
  cmir data inspect mosi.pkl
  cmir data inspect sims.pkl --set data.label=label_T     another label column`,
    )
    .action(async (source: string, flags: Flags) => {
      const config = resolveConfig(await readOptions(undefined, flags.set, {}));
      // What training would refuse is to be seen here: NaN is counted, labels may be absent.
      const dataset = await loadDataset(source, {
        ...config.data,
        nonFinite: 'mean',
        task: config.task,
        requireLabel: false,
      });
      const inspection = await inspectDataset(dataset);
      console.log(
        flags.json ? JSON.stringify(inspection, null, 2) : inspectionPage(dataset.name, inspection),
      );
    });
}
