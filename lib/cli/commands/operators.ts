import type { Command } from 'commander';

import { findOperators, pythonLines } from '../../native/operators';
import { outputOptions } from '../flags';
import { examples } from '../help';

interface Flags {
  readonly python: boolean;
  readonly json: boolean;
}

export function register(program: Command): void {
  const command = program
    .command('operators')
    .description(
      'where the library lies that gives the operators to PyTorch in Python; its torch must have the minor version ' +
        'that the library is built for: --json tells it, LIBTORCH_USE_PYTORCH=1 cmir setup --rebuild builds it for the torch of python3',
    )
    .option('--python', 'print the lines of Python that load it', false)
    .action(({ python, json }: Flags) => {
      const operators = findOperators();
      if (json) console.log(JSON.stringify(operators, null, 2));
      else console.log(python ? pythonLines(operators) : operators.path);
    });
  outputOptions(command);
  examples(command, [
    ['cmir operators --python', 'to paste into a program'],
    ['cmir operators --json', 'with the version of torch that Python must have'],
  ]);
}
