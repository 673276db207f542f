import { Argument, type Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { CmirError } from '../../errors';
import { expectedOneOf } from '../../suggest';
import { examples } from '../help';

const SHELLS = ['bash', 'zsh', 'fish'];

/** The scripts, beside lib/ as beside dist/. They ask `cmir __complete`, and so stay true when cmir is updated. */
const SCRIPTS = join(__dirname, '..', '..', '..', 'completions');

export function register(program: Command): void {
  const command = program
    .command('completion')
    .description(
      'a script with which a shell completes commands, options, their values and configuration keys',
    )
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(SHELLS).argParser(readShell))
    .action(async (shell: string) => {
      process.stdout.write(await readFile(join(SCRIPTS, `cmir.${shell}`), 'utf8'));
    });
  examples(command, [
    ['source <(cmir completion bash)', 'in ~/.bashrc'],
    ['source <(cmir completion zsh)', 'in ~/.zshrc, after compinit'],
    ['cmir completion fish > ~/.config/fish/completions/cmir.fish'],
  ]);
}

function readShell(name: string): string {
  if (SHELLS.includes(name)) return name;
  throw new CmirError('ERR_CMIR_USAGE', `shell: found '${name}', ${expectedOneOf(name, SHELLS)}`);
}
