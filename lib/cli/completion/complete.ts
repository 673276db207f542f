import type { Argument, Command, Option } from 'commander';

import { NamedOption } from '../named';
import { buildProgram, locate, withHelpFlag } from '../program';

/** What may stand in the place of a word: candidates, with what they mean, or any file or folder. */
export interface Completions {
  readonly values: readonly Candidate[];
  readonly paths?: 'files' | 'folders';
}
type Candidate = readonly [value: string, meaning: string];

const NONE: Completions = { values: [] };

/**
 * What may stand in the place of the last of `words`, of a program that has the command's module: those of its
 * commands, options, values of options that have names. Everything is read off the program itself.
 */
export function complete(program: Command, words: readonly string[]): Completions {
  const current = words.at(-1) ?? '';
  const [command, before] = locate(program, words.slice(0, -1));
  const { pending, operands } = readWords(command, before);
  if (pending !== undefined) return ofOption(pending, current, '');
  const [, flag, value] = /^(--[\w-]+)=(.*)$/s.exec(current) ?? [];
  if (flag !== undefined && value !== undefined) {
    const option = findOption(command, flag);
    return option === undefined ? NONE : ofOption(option, value, `${flag}=`);
  }
  if (current.startsWith('-')) return { values: starting(current, optionsOf(command, before)) };
  if (command.commands.length > 0) {
    // A word that is no command: nothing is known of what follows.
    return operands > 0 ? NONE : { values: starting(current, commandsOf(command)) };
  }
  const { registeredArguments: all } = command;
  const last = all.at(-1);
  return ofArgument(all[operands] ?? (last?.variadic === true ? last : undefined), current);
}

/** The option that waits for its value, and how many words stand for themselves. */
function readWords(
  command: Command,
  words: readonly string[],
): { pending: Option | undefined; operands: number } {
  let pending: Option | undefined;
  let operands = 0;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (!word.startsWith('-')) operands += 1;
    else {
      const option = findOption(command, word);
      if (option?.required === true) pending = option;
    }
  }
  return { pending, operands };
}

function findOption({ options }: Command, flag: string): Option | undefined {
  return options.find(({ long, short }) => flag === long || flag === short);
}

/** The options of a command but those that are there already, unless they may be given again. */
function optionsOf(command: Command, words: readonly string[]): Candidate[] {
  const given = new Set(words.map((word) => word.replace(/=.*$/s, '')));
  const free = command.options.filter(
    ({ long, hidden, defaultValue }) =>
      !hidden && (!given.has(long ?? '') || Array.isArray(defaultValue)),
  );
  return [
    ...free.map(({ long, description }): Candidate => [long ?? '', description]),
    ['--help', 'options and examples'],
  ];
}

function commandsOf(command: Command): Candidate[] {
  const inner = command.commands.map((each): Candidate => [
    each.name(),
    each.summary() || each.description(),
  ]);
  return command.parent === null ? [...inner, ['help', 'options of a command']] : inner;
}

function ofArgument(argument: Argument | undefined, current: string): Completions {
  if (argument === undefined) return NONE;
  const { argChoices: names } = argument;
  if (names === undefined) return { values: [], paths: 'files' };
  return { values: starting(current, plain(names)) };
}

/** The values of an option; `before` is what of the word stands before the value. */
function ofOption(option: Option, current: string, before: string): Completions {
  if (!(option instanceof NamedOption)) {
    const kind = /<(file|folder)[.\w]*>/.exec(option.flags)?.[1];
    return kind === undefined ? NONE : { values: [], paths: kind === 'file' ? 'files' : 'folders' };
  }
  const values = (start: string, names: readonly string[]): Completions => ({
    values: starting(
      before + current,
      plain(names).map(([name]): Candidate => [before + start + name, '']),
    ),
  });
  const { form, names } = option;
  if (form === 'list') {
    const start = current.slice(0, current.lastIndexOf(',') + 1);
    const given = start.split(',');
    return values(
      start,
      names.filter((name) => !given.includes(name)),
    );
  }
  if (form === 'one') return values('', names);
  const [key = '', value] = current.split('=', 2);
  if (value !== undefined) return values(`${key}=`, option.valuesOf(key));
  return values(
    '',
    names.map((name) => `${name}=`),
  );
}

const plain = (names: readonly string[]): Candidate[] => names.map((name) => [name, '']);

function starting(word: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(([value]) => value.startsWith(word));
}

/** Prints, for the shell's script, a line a candidate: its value, a tab, its meaning; `:files` or `:folders` for paths. */
export async function printCompletions(args: readonly string[]): Promise<void> {
  // `help X` offers what stands in the place of X.
  const words = args[0] === 'help' ? args.slice(1) : args;
  const program = await buildProgram(withHelpFlag(words.slice(0, -1)));
  const { values, paths } = complete(program, words);
  const lines = values.map(([value, meaning]) => `${value}\t${meaning}`);
  console.log([...lines, ...(paths === undefined ? [] : [`:${paths}`])].join('\n'));
}
