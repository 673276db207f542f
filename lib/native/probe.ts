// Both sides of one conversation: probeAddon() runs this file as a program of its own, so that a damaged
// binary ends that one and not the caller, and reads the line of JSON that it prints.
import { join } from 'node:path';

import { CmirError, messageOf, type ErrorCode } from '../errors';
import { PACKAGE_ROOT } from './build';
import { loadAddonFrom } from './load';
import { run } from './run';

type NativeBuild = import('../../binding').NativeBuild;

/** What became of loading the addon: what it sees, or why it does not load. */
export type Probe =
  | { readonly engine: NativeBuild }
  | { readonly engine: null; readonly code: ErrorCode; readonly message: string };

/** Loads the addon of the package in `root` in a process of its own. Never throws. */
export async function probeAddon(
  root: string = PACKAGE_ROOT,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Probe> {
  const program = join(PACKAGE_ROOT, 'dist', 'native', 'probe.js');
  const { stdout, output } = await run(process.execPath, [program, root], { env });
  try {
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Probe;
  } catch {
    const words = output.trim().split('\n').slice(-3).join(' ');
    return {
      engine: null,
      code: 'ERR_CMIR_NOT_BUILT',
      message: `the native addon ends its process: ${words}; run: npx cmir setup --rebuild`,
    };
  }
}

function main(root: string): Probe {
  try {
    return { engine: loadAddonFrom(root).describe() };
  } catch (error) {
    const code = error instanceof CmirError ? error.code : 'ERR_CMIR_NATIVE';
    return { engine: null, code, message: messageOf(error) };
  }
}

if (require.main === module) console.log(JSON.stringify(main(process.argv[2] ?? PACKAGE_ROOT)));
