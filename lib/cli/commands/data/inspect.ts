import type { Command } from 'commander';

import { resolveConfig } from '../../../config';
import { inspectDataset } from '../../../data/inspect';
import { loadDataset } from '../../../data/load';
import { outputOptions, readingOptions } from '../../flags';
import { examples } from '../../help';
import { inspectionPage } from '../../inspection';
import { readOptions } from '../../options';

interface Flags {
  set: string[];
  json: boolean;
}

export function register(data: Command): void {
  const command = data
    .command('inspect')
    .description('sizes, lengths, labels, and what may be wrong')
    .argument('<dataset>', 'data set of any form')
    .action(async (source: string, flags: Flags) => {
      await main(source, flags);
    });
  outputOptions(readingOptions(command, ['data.label', 'task', 'data.nonFinite']));
  examples(command, [
    ['cmir data inspect mosi.pkl'],
    ['cmir data inspect sims.pkl --set data.label=label_T', 'another label column'],
  ]);
}

async function main(source: string, flags: Flags): Promise<void> {
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
}
