import { join, resolve } from 'node:path';

import { messageOf } from '../../errors';
import {
  cachedWheel,
  inspectLibtorch,
  torchVariant,
  torchVersion,
  type Libtorch,
} from '../libtorch';
import { problemError } from '../problem';
import { pipProblem } from '../tools';
import { bytesFree, checkDisk, diskError } from './disk';
import type { DownloadOptions } from './download';
import { verifyGiven, type GivenBuild } from './local';
import { bytesHere, hasPlace, obtain, type ObtainOptions } from './obtain';
import { PINNED, type PinnedBuild } from './pinned';
import { installWithPip } from './pip';
import { checkEmpty, fill, isFilled, type Place } from './place';
import { unpack } from './unpack';

/** Bytes that a LibTorch fetched by pip takes, its download included, with room to spare. */
const PIP_BYTES = { cpu: 2.5e9, cuda: 12e9 };

/** Which LibTorch is wanted, and where from; without any of these, the one that is found or the pinned one. */
export interface LibtorchOptions {
  /** Environment variables to go by; the process's own unless given. */
  readonly env?: NodeJS.ProcessEnv;
  /** `cpu` or a CUDA build such as `cu130`; what CMIR_TORCH_VARIANT says unless given. */
  readonly variant?: string | undefined;
  /** For example `2.13.0`; what CMIR_TORCH_VERSION says unless given. */
  readonly version?: string | undefined;
  /** Where to put it, instead of the cache: a new or empty folder, whose `torch` is the LibTorch. */
  readonly folder?: string | undefined;
  /** Wheels or an archive of LibTorch to take it from, instead of the network. */
  readonly files?: readonly string[] | undefined;
  /** SHA-256 of given files that are not pinned. */
  readonly sha256?: readonly string[] | undefined;
  /** Takes a line about each thing that is done. */
  readonly log?: ((line: string) => void) | undefined;
  /** Takes the bytes that have come, and those of the whole download. */
  readonly onProgress?: ((received: number, total: number) => void) | undefined;
}

/** What tests may change besides. */
export interface FetchOptions
  extends LibtorchOptions, Pick<DownloadOptions, 'stallMs' | 'retryMs'> {
  /** Bytes free on the disk of a folder; the file system's answer unless a test gives another. */
  readonly freeBytes?: (folder: string) => Promise<number>;
  /** What can be fetched without pip; a test gives another list. */
  readonly builds?: readonly PinnedBuild[];
}

/** What to bring, and how. */
interface Plan {
  readonly version: string;
  readonly variant: string;
  readonly bringing: string;
  /** Bytes that must be free. */
  needs(place: Place): Promise<number>;
  bring(place: Place): Promise<void>;
}

/**
 * Fetches LibTorch into the cache, or into `folder`, and returns it: a pinned build over the network or with
 * pip, from given files, or another build with pip. Nothing is unpacked before its hash is verified. What a
 * download that was ended has brought is gone on with. Throws ERR_CMIR_SETUP with what mends it.
 */
export async function fetchLibtorch(options: FetchOptions = {}): Promise<Libtorch> {
  const { env = process.env, log = () => undefined, freeBytes = bytesFree } = options;
  const plan = await planOf({ ...options, env, log });
  const { version, variant } = plan;
  const target =
    options.folder === undefined ? cachedWheel(env, { version, variant }) : resolve(options.folder);
  const wasFilled = isFilled(target);
  try {
    const waiting = (owner: string): void => {
      log(`waiting for another process that fetches LibTorch (${owner})`);
    };
    if (options.folder !== undefined) await checkEmpty(target);
    await fill(target, waiting, async (place) => {
      checkDisk(target, await freeBytes(target), await plan.needs(place));
      log(`fetching LibTorch ${version} (${variant})${plan.bringing}, into ${target}`);
      await plan.bring(place);
      check(join(place.unpacked, 'torch'), plan, 'what was fetched');
    });
  } catch (error) {
    throw diskError(target, error) ?? error;
  }
  const found = check(join(target, 'torch'), plan, target);
  return wasFilled ? found : { ...found, reason: 'it was fetched just now' };
}

/** The LibTorch in `root`, which must be the planned one. */
function check(root: string, { version, variant }: Plan, where: string): Libtorch {
  const fix = 'name another folder with --folder, or give a wheel or an archive of LibTorch';
  let found: Libtorch;
  try {
    found = inspectLibtorch(root, 'cache', 'it was fetched earlier');
  } catch (cause) {
    const what = `${where} holds no LibTorch to use: ${messageOf(cause).split('; ')[0] ?? ''}`;
    throw problemError('ERR_CMIR_SETUP', { what, fix }, cause);
  }
  if (found.version.split('+')[0] === version && found.variant === variant) return found;
  const what = `${where} holds LibTorch ${found.version} (${found.variant}), expected ${version} (${variant})`;
  throw problemError('ERR_CMIR_SETUP', { what, fix });
}

type PlanOptions = FetchOptions & Pick<ObtainOptions, 'env' | 'log'>;

/** True when the LibTorch that `env` asks for is one that only pip can fetch. */
export function needsPip(env: NodeJS.ProcessEnv): boolean {
  const variant = torchVariant(env);
  const build = pinnedBuild(PINNED, variant, torchVersion(env, variant));
  return build?.files.every(hasPlace) !== true;
}

function pinnedBuild(
  builds: readonly PinnedBuild[],
  variant: string,
  version: string,
): PinnedBuild | undefined {
  const platform = `${process.platform}-${process.arch}`;
  return builds.find(
    (one) => one.platform === platform && one.variant === variant && one.version === version,
  );
}

async function planOf(options: PlanOptions): Promise<Plan> {
  const { env, builds = PINNED, files = [], sha256 = [] } = options;
  if (files.length > 0) {
    const { version, variant } = options;
    const given = await verifyGiven(files, { sha256, version, variant, builds });
    return givenPlan(given, files);
  }
  const variant = options.variant ?? torchVariant(env);
  const version = options.version ?? torchVersion(env, variant);
  const build = pinnedBuild(builds, variant, version);
  return build === undefined ? pipPlan(version, variant, env) : networkPlan(build, options);
}

async function unpackAll(archives: readonly string[], { unpacked }: Place): Promise<void> {
  for (const archive of archives) await unpack(archive, unpacked);
}

function givenPlan(
  { version, variant, unpackedBytes }: GivenBuild,
  files: readonly string[],
): Plan {
  return {
    version,
    variant,
    bringing: ` from ${files.join(' ')}, ${megabytes(unpackedBytes)} unpacked`,
    needs: () => Promise.resolve(unpackedBytes),
    bring: (place) => unpackAll(files, place),
  };
}

function networkPlan(build: PinnedBuild, { onProgress, ...options }: PlanOptions): Plan {
  const { version, variant, unpackedBytes } = build;
  const bytes = build.files.reduce((sum, file) => sum + file.bytes, 0);
  const sizes = `${megabytes(bytes)} to download, ${megabytes(unpackedBytes)} unpacked`;
  return {
    version,
    variant,
    bringing: `: ${sizes}`,
    needs: async ({ downloads }) => unpackedBytes + bytes - (await bytesHere(build, downloads)),
    bring: async (place) => {
      const listener = onProgress === undefined ? {} : { onProgress };
      const archives = await obtain(build, place.downloads, { ...options, ...listener });
      options.log('downloaded and verified; unpacking');
      await unpackAll(archives, place);
    },
  };
}

function pipPlan(version: string, variant: string, env: NodeJS.ProcessEnv): Plan {
  const bytes = variant === 'cpu' ? PIP_BYTES.cpu : PIP_BYTES.cuda;
  return {
    version,
    variant,
    bringing: ` with pip, which takes up to ${(bytes / 1e9).toFixed(1)} GB`,
    needs: () => Promise.resolve(bytes),
    bring: async ({ unpacked }) => {
      const problem = await pipProblem(env);
      if (problem !== undefined) throw problemError('ERR_CMIR_SETUP', problem);
      await installWithPip(version, variant, unpacked, env);
    },
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
