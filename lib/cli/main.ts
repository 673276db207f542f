#!/usr/bin/env node
import { CommanderError } from 'commander';

import { CmirError, messageOf } from '../errors';
import { errorMark } from './help';
import { buildProgram, locate, withHelpFlag } from './program';

const EXIT = { failure: 1, input: 2, interrupted: 130 } as const;

async function main(args: readonly string[]): Promise<void> {
  if (args[0] === '__complete') {
    const { printCompletions } = await import('./completion/complete.js');
    await printCompletions(args.slice(1));
    return;
  }
  const words = withHelpFlag(args);
  const program = await buildProgram(words);
  const [command, rest] = locate(program, words);
  // The help of a group would hide that it has no such command.
  const isUnknown = command.commands.length > 0 && rest.some((word) => !word.startsWith('-'));
  const asked = isUnknown ? words.filter((word) => !['-h', '--help'].includes(word)) : words;
  await program.parseAsync(asked, { from: 'user' });
}

/** Prints what went wrong and sets the exit code: 2 for the user's input, 1 for the run, 130 for Ctrl-C. */
function report(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.input;
    return;
  }
  const known = error instanceof CmirError;
  console.error(
    `${errorMark()} ${messageOf(error)}${known ? '' : ' (unexpected; --debug shows where)'}`,
  );
  if (process.argv.includes('--debug')) console.error(error);
  process.exitCode = !known
    ? EXIT.failure
    : error.code === 'ERR_CMIR_ABORTED'
      ? EXIT.interrupted
      : error.isInputError
        ? EXIT.input
        : EXIT.failure;
}

// A reader that has seen enough, such as head, closes the pipe.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}
main(process.argv.slice(2)).catch(report);
