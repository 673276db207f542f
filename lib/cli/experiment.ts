import { Option, type Command } from 'commander';

import { resolveConfig, type Options } from '../config';
import type { Dataset } from '../data/dataset';
import { openDataset } from '../training/source';
import { configurationOptions, outputOptions } from './flags';
import { printNotes } from './notes';
import { countOf, readOptions } from './options';
import { makeReady } from './ready';

/** Flags of every command that trains more than once. */
export interface ExperimentFlags {
  parallel?: number;
  out?: string;
  config?: string;
  set: string[];
  device?: string;
  json: boolean;
  quiet: boolean;
}

/** Adds the data set and the flags that all experiments have, after a command's own; `out` says what --out holds. */
export function experimentOptions(command: Command, out: string): Command {
  command
    .argument('[dataset]', 'data set, a folder or file; without it, the built-in synthetic data')
    .option('--parallel <n>', 'trainings at once; default: one a core', countOf('--parallel'));
  configurationOptions(command);
  return outputOptions(command, {
    out: new Option('--out <folder>', out),
    quiet: 'no progress',
  });
}

/** The data set and the options that the flags name, and an engine to train with. */
export async function openExperiment(
  path: string | undefined,
  { config: file, set, device, quiet }: ExperimentFlags,
): Promise<{ dataset: Dataset; options: Options }> {
  const options = await readOptions(file, set, { device });
  const config = resolveConfig(options);
  const dataset = await openDataset(path, { ...config.data, task: config.task });
  printNotes(dataset, quiet);
  await makeReady(quiet);
  return { dataset, options };
}
