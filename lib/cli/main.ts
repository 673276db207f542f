#!/usr/bin/env node
import { Command, CommanderError, Option } from 'commander';

import { CmirError, messageOf } from '../errors';
import { VERSION } from '../version';
import { register as registerCompare } from './commands/compare';
import { register as registerData } from './commands/data';
import { register as registerDoctor } from './commands/doctor';
import { register as registerEvaluate } from './commands/evaluate';
import { register as registerOperators } from './commands/operators';
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
  // Options of a command may have the names of these: setup's --version.
  .enablePositionalOptions()
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
  registerOperators,
]) {
  register(program);
}
let isDebugging = false;
const commands = program.commands.flatMap((outer) => [outer, ...outer.commands]);
for (const command of commands) {
  command.exitOverride().showHelpAfterError('(--help lists the options)');
  command.addOption(new Option('--debug').hideHelp());
}
for (const command of [program, ...commands]) {
  command.on('option:debug', () => {
    isDebugging = true;
  });
}

/** Prints what went wrong and sets the exit code: 2 for the user's input, 1 for the run, 130 for Ctrl-C. */
function report(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.input;
    return;
  }
  const known = error instanceof CmirError;
  console.error(`cmir: ${messageOf(error)}${known ? '' : ' (unexpected; --debug shows where)'}`);
  if (isDebugging) console.error(error);
  process.exitCode = !known
    ? EXIT.failure
    : error.code === 'ERR_CMIR_ABORTED'
      ? EXIT.interrupted
      : error.isInputError
        ? EXIT.input
        : EXIT.failure;
}

program.parseAsync().catch(report);
