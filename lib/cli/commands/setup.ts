import type { Command } from 'commander';

import { parseVariant, parseVersion } from '../../native/libtorch';
import { setup } from '../../native/setup';
import { outputOptions } from '../flags';
import { examples } from '../help';
import { setupView } from '../setup-view';

interface SetupFlags {
  variant?: string;
  version?: string;
  folder?: string;
  file: string[];
  sha256: string[];
  prebuilt: boolean;
  rebuild: boolean;
  quiet: boolean;
  json: boolean;
}

const collect = (value: string, previous: string[]): string[] => [...previous, value];

export function register(program: Command): void {
  const command = program
    .command('setup')
    .description('find or fetch LibTorch, and make the native addon ready for it')
    .option('--variant <name>', 'cpu, or on Linux a CUDA build such as cu130', (text) =>
      parseVariant('--variant', text),
    )
    .option('--version <number>', 'version of LibTorch, such as 2.13.0', (text) =>
      parseVersion('--version', text),
    )
    .option('--folder <folder>', 'put LibTorch there, not into the cache')
    .option(
      '--file <file>',
      'take LibTorch from a wheel or archive, not from the network; may be given again',
      collect,
      [],
    )
    .option('--sha256 <hash>', 'hash of a --file that cmir does not know', collect, [])
    .option('--no-prebuilt', 'compile the addon even where one that came with the package fits')
    .option('--rebuild', 'compile the addon even when there is one that fits', false)
    .action(async ({ file, quiet, json, ...flags }: SetupFlags) => {
      const libtorch = await setup({ ...flags, files: file, ...setupView(quiet) });
      if (json) {
        console.log(JSON.stringify(libtorch, null, 2));
        return;
      }
      console.log(`ready: LibTorch ${libtorch.version} in ${libtorch.root}`);
      if (flags.folder !== undefined) {
        console.log(`for later commands to use it: export LIBTORCH='${libtorch.root}'`);
      }
    });
  outputOptions(command, { quiet: 'no progress' });
  examples(command, [
    ['cmir setup --variant cu130', 'a build for CUDA 13.0'],
    ['cmir setup --folder /opt/libtorch', 'for all users of a machine'],
    ['cmir setup --file torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl'],
  ]);
}
