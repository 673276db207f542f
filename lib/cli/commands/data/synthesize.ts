import { Option, type Command } from 'commander';

import { syntheticChunks, syntheticDataset, type SyntheticOptions } from '../../../data/synthetic';
import { WRITE_FORMATS, writeBlocks, writeDataset, type WriteFormat } from '../../../data/write';
import { collect, readSettings } from '../../options';

interface Flags {
  set: string[];
  seed?: string;
  format?: WriteFormat;
  json: boolean;
}

export function register(data: Command): void {
  data
    .command('synthesize')
    .description('write data of the synthetic causal model')
    .argument('<out>', 'folder or file to write; it must not be there yet')
    .option('--set <key=value>', 'an option of the model; may be given again', collect, [])
    .option('--seed <n>', 'same as --set seed=<n>')
    .addOption(new Option('--format <name>', 'as in cmir data convert').choices(WRITE_FORMATS))
    .option('--json', 'print one JSON document', false)
    .addHelpText(
      'after',
      `
Options of the model (docs/data.md#synthetic-data): train, valid, test, shifted (examples);
  modalities.<name> (features); causal, spurious (factors); correlation, shiftedCorrelation;
  spuriousScale, noise, labelNoise; sequence.length, or .minLength and .maxLength (of all, or
  sequence.<name>.length ... of one modality); frameNoise; classes; missing, missing.<name>

Examples:
  cmir data synthesize toy/
  cmir data synthesize words --format safetensors --set train=16326 --set sequence.length=50 \\
    --set modalities.text=768 --set modalities.audio=74 --set modalities.vision=35`,
    )
    .action(async (out: string, flags: Flags) => {
      const { set, seed } = flags;
      const settings = seed === undefined ? set : [...set, `seed=${seed}`];
      const options: SyntheticOptions = readSettings('--set', settings);
      if (flags.format === 'safetensors') await writeBlocks(syntheticChunks(options), out);
      else {
        const dataset = syntheticDataset(options);
        await writeDataset(
          dataset,
          out,
          flags.format === undefined ? {} : { format: flags.format },
        );
      }
      console.log(flags.json ? JSON.stringify({ out, options }) : `synthetic data in ${out}`);
    });
}
