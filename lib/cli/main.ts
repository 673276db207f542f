#!/usr/bin/env node
import { Command, CommanderError } from 'commander';

import { CmirError, messageOf } from '../errors';
import { VERSION } from '../version';
import { register as registerCompare } from './commands/compare';
import { register as registerData } from './commands/data';
import { register as registerDoctor } from './commands/doctor';
import { register as registerEvaluate } from './commands/evaluate';
import { register as registerExport } from './commands/export';
import { register as registerPredict } from './commands/predict';
import { register as registerSearch } from './commands/search';
import { register as registerRobustness } from './commands/robustness';
import { register as registerSensitivity } from './commands/sensitivity';
import { register as registerReport } from './commands/report';
import { register as registerSetup } from './commands/setup';
import { register as registerTrain } from './commands/train';

const EXIT = { failure: 1, input: 2, interrupted: 130 } as const;

const program = new Command('cmir')
  .description(
    'Trains CmIR, a causal modality-invariant representation for multimodal learning, on LibTorch.',
  )
  .version(VERSION)
  .option('--debug', 'print the stack of an error')
  .exitOverride()
  .configureOutput({
    // Commander's own lines say what is wrong; the first words are ours.
    outputError: (text, write) => {
      write(text.replace(/^error:/, 'cmir:'));
    },
  });
for (const register of [
  registerTrain,
  registerEvaluate,
  registerPredict,
  registerSearch,
  registerCompare,
  registerSensitivity,
  registerRobustness,
  registerData,
  registerReport,
  registerExport,
  registerSetup,
  registerDoctor,
]) {
  register(program);
}
for (const command of program.commands.flatMap((outer) => [outer, ...outer.commands]))
  command.exitOverride().showHelpAfterError('(--help lists the options)');

/** Prints what went wrong and sets the exit code: 2 for the user's input, 1 for the run, 130 for Ctrl-C. */
function report(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.input;
    return;
  }
  const known = error instanceof CmirError;
  console.error(`cmir: ${messageOf(error)}${known ? '' : ' (unexpected; --debug shows where)'}`);
  if (program.opts<{ debug?: boolean }>().debug === true) console.error(error);
  process.exitCode = !known
    ? EXIT.failure
    : error.code === 'ERR_CMIR_ABORTED'
      ? EXIT.interrupted
      : error.isInputError
        ? EXIT.input
        : EXIT.failure;
}

program.parseAsync().catch(report);
