import type { Command } from 'commander';

import { setup } from '../../native/setup';

export function register(program: Command): void {
  program
    .command('setup')
    .description('find or fetch LibTorch and build the native addon where that is needed')
    .option('--rebuild', 'compile even when the addon is up to date', false)
    .action(async ({ rebuild }: { rebuild: boolean }) => {
      const libtorch = await setup({
        rebuild,
        log: (line) => {
          console.error(`cmir: ${line}`);
        },
      });
      console.log(`ready: LibTorch ${libtorch.version} in ${libtorch.root}`);
    });
}
