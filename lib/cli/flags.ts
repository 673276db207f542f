import type { Command, Option } from 'commander';

import { configKeys, valuesOfKey } from '../config';
import { SPLIT_NAMES } from '../data/splits';
import { WRITE_FORMATS } from '../data/write';
import { CmirError } from '../errors';
import { METRICS } from '../metrics';
import { didYouMean } from '../suggest';
import { checked, keyed, oneOf, suggesting, type NamedOption } from './named';

/** The groups of options in the help; a command's own come before them, under `Options:`. */
const CONFIGURATION = 'Configuration:';
const OUTPUT = 'Output:';

/** `--config`, `--set`, `--seed` and `--device`, of commands that train. */
export function configurationOptions(command: Command): Command {
  return command
    .optionsGroup(CONFIGURATION)
    .option('--config <file>', 'JSON file of configuration keys')
    .addOption(settings('a configuration key; may be given again'))
    .addOption(deviceOption());
}

/** `--set` for commands that know the whole configuration. */
export function settings(description: string, keys = configKeys()): NamedOption {
  return keyed('--set <key=value>', description, keys, valuesOfKey);
}

/** `--set` of commands that read data: `keys` are those that tell how. */
export function readingOptions(command: Command, keys: readonly string[]): Command {
  return command
    .optionsGroup(CONFIGURATION)
    .addOption(settings(`${keys.join(', ')}, as in training`, [...keys]));
}

const DEVICES = ['auto', 'cpu', 'cuda', 'cuda:0'];

/** `--device`. */
export function deviceOption(): NamedOption {
  const option = suggesting('--device <name>', 'auto, cpu, cuda or cuda:<i>', DEVICES);
  return option.argParser((name: string) => {
    if (/^(auto|cpu|cuda(:\d+)?)$/.test(name)) return name;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `--device: found '${name}', expected auto, cpu, cuda or cuda:<index>${didYouMean(name, DEVICES)}`,
    );
  });
}

/** `--metric`: any there is; whoever reads it knows the task. */
export function metricOption(description: string): NamedOption {
  const names = [...new Set(METRICS.map((metric) => metric.name))];
  return checked(suggesting('--metric <name>', description, names));
}

/** `--format` of commands that write a data set. */
export function formatOption(description: string): NamedOption {
  return oneOf('--format <name>', description, WRITE_FORMATS);
}

/** `--split`. */
export function splitOption(description: string, standard: string): NamedOption {
  const option = suggesting('--split <name>', description, [...SPLIT_NAMES, 'all']);
  option.default(standard);
  return option;
}

/** Where results go, `--json` and, where there is something to be quiet about, `--quiet`. */
export function outputOptions(
  command: Command,
  { out, quiet }: { out?: Option; quiet?: string } = {},
): Command {
  command.optionsGroup(OUTPUT);
  if (out !== undefined) command.addOption(out);
  command.option('--json', 'print one JSON document', false);
  return quiet === undefined ? command : command.option('--quiet', quiet, false);
}
