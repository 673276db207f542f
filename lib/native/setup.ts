import { existsSync } from 'node:fs';

import { CmirError } from '../errors';
import { fittingBinary, isMusl, prebuildsFolder } from './binary';
import { PACKAGE_ROOT, buildAddon } from './build';
import type { LibtorchOptions } from './fetch/index';
import type { Libtorch } from './libtorch';
import { probeAddon } from './probe';
import { problemError } from './problem';
import { provideLibtorch } from './provide';
import { timed } from './timed';

const SYSTEM = `${process.platform}-${process.arch}`;
const CUDA_ADVICE = 'to compile it with them, put nvcc in PATH and run: npx cmir setup --rebuild';

/** How LibTorch is found and the addon built. */
export interface SetupOptions extends LibtorchOptions {
  /** Compile even when the addon is up to date. */
  readonly rebuild?: boolean;
  /** False compiles the addon even where a prebuilt one fits, unless the one built here is up to date. */
  readonly prebuilt?: boolean;
  /** The package's folder; this package's unless given. */
  readonly root?: string;
}

/**
 * Makes everything ready: finds or fetches LibTorch, takes the prebuilt addon that fits it, else builds one where it is
 * missing, outdated or damaged, and tries it in a process of its own. `npm ci` in a clone, `cmir setup` and a first command
 * call this; it is safe to call again. Throws ERR_CMIR_SETUP or ERR_CMIR_LIBTORCH with what to do.
 */
export async function setup(options: SetupOptions = {}): Promise<Libtorch> {
  const { log = () => undefined, root = PACKAGE_ROOT, rebuild = false, prebuilt = true } = options;
  refuseMusl();
  const { libtorch, env } = await provideLibtorch(options);
  const compiles = rebuild || !prebuilt;
  if (!compiles && (await isPrebuiltReady(libtorch, { log, env, root }))) return libtorch;
  const build = (anew: boolean): Promise<boolean> =>
    timed(log, 'compiled', () => buildAddon(libtorch, { rebuild: anew, log, env, root }));
  const compiled = await build(rebuild);

  let probe = await probeAddon(root, env);
  if (probe.engine === null && probe.code === 'ERR_CMIR_NOT_BUILT' && !compiled) {
    log(probe.message.split('; ')[0] ?? '');
    await build(true);
    probe = await probeAddon(root, env);
  }
  if (probe.engine === null) {
    const code = probe.code === 'ERR_CMIR_LIBTORCH' ? probe.code : 'ERR_CMIR_SETUP';
    throw new CmirError(code, probe.message);
  }
  return libtorch;
}

/** LibTorch is made for glibc: no download and no compiler mends that. */
function refuseMusl(): void {
  if (!isMusl()) return;
  const what = 'LibTorch needs glibc, and this system has another C library';
  const fix =
    'use one with glibc: of the images of Node those without alpine, such as node:22-slim';
  throw problemError('ERR_CMIR_SETUP', { what, fix });
}

/**
 * True when a binary that came with the package serves this LibTorch, which was tried. Where it does not, says why: the
 * addon is compiled then. An addon that was built here goes first: nothing is to be said of others.
 */
async function isPrebuiltReady(
  libtorch: Libtorch,
  { log, env, root }: { log: (line: string) => void; env: NodeJS.ProcessEnv; root: string },
): Promise<boolean> {
  const binary = fittingBinary(libtorch, root);
  if (binary === undefined && existsSync(prebuildsFolder(root))) {
    const { version, variant } = libtorch;
    log(
      `no prebuilt binary for LibTorch ${version} (${variant}) on ${SYSTEM}: it will be compiled`,
    );
  }
  // One that was built here may be out of date: that is seen later.
  if (binary?.buildId == null) return false;
  const probe = await probeAddon(root, env);
  if (probe.engine !== null) {
    if (binary.variant !== libtorch.variant) {
      log(
        `the prebuilt binary for LibTorch ${binary.torch} has no kernels for CUDA; ${CUDA_ADVICE}`,
      );
    }
    return true;
  }
  // Compiling does not mend a damaged LibTorch.
  if (probe.code === 'ERR_CMIR_LIBTORCH') throw new CmirError(probe.code, probe.message);
  log(`${probe.message.split('; ')[0] ?? ''}: it will be compiled here`);
  return false;
}
