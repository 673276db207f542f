import type { Command } from 'commander';

import { syntheticChunks, syntheticDataset, type SyntheticOptions } from '../../../data/synthetic';
import { SYNTHETIC_OPTIONS } from '../../../data/synthetic/options';
import { writeBlocks, writeDataset, type WriteFormat } from '../../../data/write';
import { formatOption, outputOptions } from '../../flags';
import { examples, glossary } from '../../help';
import { keyed } from '../../named';
import { readSettings } from '../../options';

interface Flags {
  set: string[];
  seed?: string;
  format?: WriteFormat;
  json: boolean;
}

export function register(data: Command): void {
  const command = data
    .command('synthesize')
    .description('write data of the synthetic causal model')
    .argument('<out>', 'folder or file to write; it must not be there yet')
    .addOption(
      keyed('--set <key=value>', 'an option of the model; may be given again', SYNTHETIC_OPTIONS),
    )
    .option('--seed <n>', 'same as --set seed=<n>')
    .addOption(formatOption('as in cmir data convert'))
    .action(async (out: string, flags: Flags) => {
      await main(out, flags);
    });
  outputOptions(command);
  glossary(command, 'Options of the model (docs/data.md#synthetic-data):', [
    ['train, valid, test, shifted', 'examples of each split'],
    ['modalities.<name>', 'features of a modality'],
    ['causal, spurious', 'numbers of factors'],
    ['correlation, shiftedCorrelation', 'of a spurious factor with the label'],
    ['spuriousScale, noise, labelNoise', 'strengths; frameNoise of frames'],
    ['sequence.length', 'or .minLength and .maxLength; of one modality: sequence.<name>.length'],
    ['classes', '0: the label is a number'],
    ['missing, missing.<name>', 'probability that an example lacks a modality'],
  ]);
  examples(command, [
    ['cmir data synthesize toy/'],
    ['cmir data synthesize gaps/ --set missing.audio=0.2 --set classes=3'],
    ['cmir data synthesize long --format safetensors --set train=20000 --set sequence.length=50'],
  ]);
}

async function main(out: string, { set, seed, format, json }: Flags): Promise<void> {
  const settings = seed === undefined ? set : [...set, `seed=${seed}`];
  const options: SyntheticOptions = readSettings('--set', settings);
  if (format === 'safetensors') await writeBlocks(syntheticChunks(options), out);
  else {
    await writeDataset(syntheticDataset(options), out, format === undefined ? {} : { format });
  }
  console.log(json ? JSON.stringify({ out, options }) : `synthetic data in ${out}`);
}
