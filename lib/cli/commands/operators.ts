import type { Command } from 'commander';

import { findOperators, pythonLines } from '../../native/operators';

interface Flags {
  readonly python: boolean;
  readonly json: boolean;
}

export function register(program: Command): void {
  program
    .command('operators')
    .description('where the library lies that gives the operators to PyTorch in Python')
    .option('--python', 'print the lines of Python that load it', false)
    .option('--json', 'print one JSON document, with the version of torch too', false)
    .addHelpText(
      'after',
      `
Python's torch must have the minor version that the library is built for (--json tells it); to build it for the torch
of python3: LIBTORCH_USE_PYTORCH=1 cmir setup --rebuild

Examples:
  cmir operators --python
  python3 -c "import torch; torch.ops.load_library('$(cmir operators)'); print(torch.ops.cmir.invariance)"`,
    )
    .action(({ python, json }: Flags) => {
      const operators = findOperators();
      if (json) console.log(JSON.stringify(operators, null, 2));
      else console.log(python ? pythonLines(operators) : operators.path);
    });
}
