import { Command, Option } from 'commander';

import { VERSION } from '../version';
import { CATALOGUE } from './catalogue';
import { heading } from './colour';
import { styleHelp } from './help';

const AFTER = (): string => `
${heading('First steps:')}
  cmir train                    trains on built-in data, writes runs/...
  cmir data inspect mosi.pkl    looks at your data: a file or a folder
  cmir help train               options and examples of a command

cmir --version: the version; cmir --debug <command>: with the stack of an error
Exit codes: 0 done, 1 the run failed, 2 bad usage or input, 130 Ctrl-C`;

/**
 * The program for these words of a command line: with every command by name, and with the module of the one that the
 * words name. To load all of them would take longer than most answers.
 */
export async function buildProgram(words: readonly string[]): Promise<Command> {
  const program = styleHelp(new Command('cmir'))
    .description('Trains CmIR, a causal modality-invariant representation for multimodal learning.')
    .usage('<command> [options]')
    .version(VERSION, '--version', 'print the version')
    .option('--debug', 'print the stack of an error')
    // A command's options may have the names of these: setup's --version.
    .enablePositionalOptions()
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .addHelpText('after', AFTER);
  const wanted = words.find((word) => !word.startsWith('-'));
  for (const [group, entries] of Object.entries(CATALOGUE)) {
    program.commandsGroup(group);
    for (const { name, summary, load } of entries) {
      if (name === wanted) (await load()).register(program);
      else program.command(name);
      program.commands.at(-1)?.summary(summary);
    }
  }
  adviseHelp(program, 'cmir');
  return program;
}

/** Messages on bad usage end with where to look; --debug may stand anywhere. */
function adviseHelp(command: Command, path: string): void {
  const lists = command.commands.length > 0 ? 'commands' : 'options';
  const hasKeys = command.options.some(({ long }) => long === '--set');
  const keys = hasKeys ? '; a key of the configuration is --set KEY=VALUE' : '';
  command.showHelpAfterError(`(${path} --help lists the ${lists}${keys})`);
  for (const inner of command.commands) {
    // main.ts looks for it among all words.
    inner.addOption(new Option('--debug').hideHelp());
    adviseHelp(inner, `${path} ${inner.name()}`);
  }
}

/** `help X` is `X --help`; of a command that there is not, no help is asked for: the name is wrong. */
export function withHelpFlag(words: readonly string[]): string[] {
  const at = words.findIndex((word) => !word.startsWith('-'));
  if (words[at] !== 'help') return [...words];
  return [...words.slice(0, at), ...words.slice(at + 1), '--help'];
}

/** The innermost command that the words name, and the words after its name. */
export function locate(program: Command, words: readonly string[]): [Command, readonly string[]] {
  const at = words.findIndex((word) => !word.startsWith('-'));
  const inner = program.commands.find((command) => command.name() === words[at]);
  return inner === undefined ? [program, words] : locate(inner, words.slice(at + 1));
}
