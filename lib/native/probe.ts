// Both sides of one conversation: probeAddon() runs this file as a program of its own, so that a damaged
// binary ends that one and not the caller, and reads the line of JSON that it prints. trial.ts runs it too.
import { CmirError, messageOf, type ErrorCode } from '../errors';
import { PACKAGE_ROOT } from './build';
import { findPair, openPair } from './load';
import { run } from './run';
import { PROBE_PROGRAM, readProbe, rememberTried, type Pair, type Probe } from './trial';

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
  const program = [PROBE_PROGRAM, JSON.stringify(pair)];
  const { stdout, output } = await run(process.execPath, program, { env });
  const probe = readProbe(stdout, output, pair);
  if (probe.engine !== null) rememberTried(pair, env);
  return probe;
}

function main(pair: Pair): Probe {
  try {
    return { engine: openPair(pair).describe() };
  } catch (error) {
    return failure(error, 'ERR_CMIR_NATIVE');
  }
}

function failure(error: unknown, otherwise: ErrorCode): Probe {
  const code = error instanceof CmirError ? error.code : otherwise;
  return { engine: null, code, message: messageOf(error) };
}

if (require.main === module)
  console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '') as Pair)));
