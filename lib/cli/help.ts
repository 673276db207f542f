import { Help, type Command, type Option } from 'commander';

import { hasColours, heading, styled } from './colour';

/** Columns of the help on a wider terminal, and where it is no terminal. */
const WIDTH = 100;

/** A line that works, and what it is for. */
export type Example = readonly [command: string, note?: string];

/** Ends the help of a command with examples, their notes in a column. */
export function examples(command: Command, lines: readonly Example[]): Command {
  const noted = lines.filter(([, note]) => note !== undefined);
  const width = Math.max(0, ...noted.map(([line]) => line.length));
  const rows = lines.map(([line, note = '']) => `  ${line.padEnd(width)}    ${note}`.trimEnd());
  return command.addHelpText('after', () => `\n${heading('Examples:')}\n${rows.join('\n')}`);
}

/** Puts names and what they mean under a heading at the end of the help, lines wrapped. */
export function glossary(
  command: Command,
  title: string,
  rows: readonly (readonly [name: string, meaning: string])[],
): Command {
  const width = Math.max(...rows.map(([name]) => name.length));
  return command.addHelpText('after', () => {
    const help = command.createHelp();
    const indent = ' '.repeat(width + 4);
    const lines = rows.map(([name, meaning]) => {
      const wrapped = help.boxWrap(meaning, helpWidth() - indent.length);
      return `  ${name.padEnd(width)}  ${wrapped.replaceAll('\n', `\n${indent}`)}`;
    });
    return `\n${heading(title)}\n${lines.join('\n')}`;
  });
}

function helpWidth(): number {
  return Math.min((process.stdout.isTTY && process.stdout.columns) || WIDTH, WIDTH);
}

/** How all help looks, and the words of messages on bad usage; commands that are added later take it over. */
export function styleHelp(program: Command): Command {
  return program
    .configureHelp({
      helpWidth: helpWidth(),
      styleTitle: heading,
      subcommandTerm: (command) => command.name(),
      optionDescription: describeOption,
      argumentDescription: (argument) => argument.description,
      visibleOptions,
    })
    .configureOutput({
      getOutHasColors: () => hasColours(process.stdout),
      getErrHasColors: () => hasColours(process.stderr),
      outputError: (text, write) => {
        write(inOurWords(text));
      },
    })
    .exitOverride();
}

/** Those of the program are told at its end: its help is about commands. */
function visibleOptions(this: Help, command: Command): Option[] {
  return command.parent === null ? [] : Help.prototype.visibleOptions.call(this, command);
}

function describeOption({ defaultValue, description, required }: Option): string {
  const value: unknown = defaultValue;
  const isShown = typeof value === 'string' || typeof value === 'number';
  return required && isShown ? `${description} (default: ${String(value)})` : description;
}

/** Commander says what is wrong; who speaks, and how names are suggested, is as in our own messages. */
function inOurWords(text: string): string {
  return text
    .replace(/^error:/, errorMark())
    .replace(/\n\(Did you mean (?:one of )?(.*)\?\)/, (_, names: string) => {
      const quoted = names.split(', ').map((name) => `'${name}'`);
      return `; did you mean ${quoted.join(' or ')}?`;
    });
}

/** What every message on a problem begins with. */
export function errorMark(): string {
  return styled('cmir:', ['red', 'bold'], process.stderr);
}
