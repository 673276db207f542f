import type { Command } from 'commander';

import { loadDataset } from '../../../data/load';
import { writeDataset, type WriteFormat } from '../../../data/write';
import { resolveConfig } from '../../../config';
import { formatOption, outputOptions, readingOptions } from '../../flags';
import { examples } from '../../help';
import { readOptions } from '../../options';
import { printNotes } from '../../notes';

interface Flags {
  format?: WriteFormat;
  set: string[];
  json: boolean;
  quiet: boolean;
}

export function register(data: Command): void {
  const command = data
    .command('convert')
    .description('write a data set in another format')
    .argument('<dataset>', 'data set of any format')
    .argument('<out>', 'folder or file to write; it must not be there yet')
    .addOption(
      formatOption(
        'npz is a file, the others are folders; safetensors is mapped when trained on, for large data; ' +
          'default: npz for a name that ends so, else csv',
      ),
    )
    .action(async (source: string, out: string, flags: Flags) => {
      await main(source, out, flags);
    });
  outputOptions(readingOptions(command, ['data.label', 'data.nonFinite']), { quiet: 'no notes' });
  examples(command, [
    ['cmir data convert mosi.pkl mosi/', 'a folder of CSV tables'],
    ['cmir data convert mosi.pkl mosi --format safetensors', 'to train on data larger than memory'],
    ['cmir data convert mosi/ mosi.npz', 'for NumPy'],
  ]);
}

async function main(source: string, out: string, flags: Flags): Promise<void> {
  const config = resolveConfig(await readOptions(undefined, flags.set, {}));
  const dataset = await loadDataset(source, {
    ...config.data,
    task: config.task,
    requireLabel: false,
  });
  printNotes(dataset, flags.quiet);
  await writeDataset(dataset, out, flags.format === undefined ? {} : { format: flags.format });
  console.log(
    flags.json
      ? JSON.stringify({ out, examples: dataset.size, notes: dataset.notes })
      : `${String(dataset.size)} examples in ${out}`,
  );
}
