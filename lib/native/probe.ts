// Both sides of one conversation: probeAddon() runs this file as a program of its own, so that a damaged
// binary ends that one and not the caller, and reads what it prints. trial.ts runs it too.
import { CmirError, messageOf, type ErrorCode } from '../errors';
import { PACKAGE_ROOT } from './build';
import { findPair, openAddon, openLibtorch } from './load';
import { run } from './run';
import {
  LIBTORCH_OPEN,
  memoryOf,
  probeCommand,
  readProbe,
  remember,
  type Pair,
  type Probe,
} from './trial';

/** Loads the addon of the package in `root` in a process of its own, whatever is remembered. Never throws. */
export async function probeAddon(
  root: string = PACKAGE_ROOT,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Probe> {
  let pair: Pair;
  try {
    pair = findPair(root, env);
  } catch (error) {
    return failure(error, 'ERR_CMIR_SETUP');
  }
  const memory = memoryOf(pair, env);
  const { program, args, env: clean } = probeCommand(pair, env);
  const { status, stdout, output } = await run(program, args, { env: clean });
  const probe = readProbe(status, stdout, output, pair);
  if (probe.engine !== null) remember(memory, pair);
  return probe;
}

function main(pair: Pair): Probe {
  try {
    openLibtorch(pair);
    console.log(LIBTORCH_OPEN);
    return { engine: openAddon(pair).describe() };
  } catch (error) {
    return failure(error, 'ERR_CMIR_NATIVE');
  }
}

function failure(error: unknown, otherwise: ErrorCode): Probe {
  const code = error instanceof CmirError ? error.code : otherwise;
  return { engine: null, code, message: messageOf(error) };
}

if (require.main === module) {
  console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '') as Pair)));
}
