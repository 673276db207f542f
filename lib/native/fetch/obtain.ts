import { rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

import { messageOf } from '../../errors';
import { problemError } from '../problem';
import { pipProblem } from '../tools';
import { download, sizeOf, type DownloadOptions } from './download';
import { isDiskError } from './failure';
import { hashError, sha256Of } from './hash';
import type { PinnedBuild, PinnedFile } from './pinned';
import { downloadWithPip } from './pip';

/** What to do where a file cannot be brought here. */
function elsewhere(file: PinnedFile): string {
  const where = hasPlace(file) ? file.url : `${file.url} (with pip download)`;
  return `get ${where} on another machine and run: npx cmir setup --file FILE, or point LIBTORCH at a LibTorch you have`;
}

/** Bytes of all files of a fetch together. */
export type ProgressListener = (received: number, total: number) => void;

export interface ObtainOptions extends Omit<DownloadOptions, 'onBytes'> {
  readonly env: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
  readonly onProgress?: ProgressListener;
}

export function fileName(file: PinnedFile): string {
  return hasPlace(file) ? decodeURIComponent(basename(new URL(file.url).pathname)) : file.url;
}

/** False of a file that only pip knows where to find. */
export function hasPlace({ url }: PinnedFile): boolean {
  return URL.canParse(url);
}

/**
 * Brings all files of a build to `folder` and returns their paths: what lies there already from an earlier
 * run, then over the network, then with pip where that fails. Every file has the pinned hash.
 */
export async function obtain(
  build: PinnedBuild,
  folder: string,
  options: ObtainOptions,
): Promise<string[]> {
  const total = build.files.reduce((sum, { bytes }) => sum + bytes, 0);
  const paths: string[] = [];
  let done = 0;
  for (const file of build.files) {
    const before = done;
    const onBytes = (received: number): void => options.onProgress?.(before + received, total);
    paths.push(await obtainFile(file, build.variant, folder, { ...options, onBytes }));
    done += file.bytes;
    options.onProgress?.(done, total);
  }
  return paths;
}

/** Bytes of a build that earlier runs have brought to `folder`. */
export async function bytesHere(build: PinnedBuild, folder: string): Promise<number> {
  let sum = 0;
  for (const file of build.files) {
    const path = join(folder, fileName(file));
    sum += Math.max(await sizeOf(path), await sizeOf(`${path}.part`));
  }
  return sum;
}

async function obtainFile(
  file: PinnedFile,
  variant: string,
  folder: string,
  options: ObtainOptions & DownloadOptions,
): Promise<string> {
  const { env, log } = options;
  const name = fileName(file);
  const path = join(folder, name);
  if ((await sizeOf(path)) === file.bytes && (await sha256Of(path)) === file.sha256) return path;
  const url = sourceOf(file, env);
  if (url === undefined) {
    const problem = await pipProblem(env);
    if (problem !== undefined) throw problemError('ERR_CMIR_SETUP', problem);
    log(`asking pip for ${name}`);
    await fromPip(file, variant, path, `cannot bring ${name}`, env);
    return path;
  }
  try {
    await fromNetwork(url, file, path, options);
    return path;
  } catch (error) {
    if (isDiskError(error) || isOurs(error)) throw error;
    const why = messageOf(error) || (error as NodeJS.ErrnoException).code;
    const problem = `cannot download ${name} from ${url.host}: ${String(why)}`;
    if ((await pipProblem(env)) !== undefined) {
      const fix = `check the network (HTTPS_PROXY names a proxy) and run npx cmir setup again, ${elsewhere(file)}`;
      throw problemError('ERR_CMIR_SETUP', { what: problem, fix }, error);
    }
    log(`${problem}; asking pip for it`);
    await fromPip(file, variant, path, `${problem}, nor`, env);
    return path;
  }
}

function isOurs(error: unknown): boolean {
  return (error as { code?: string }).code === 'ERR_CMIR_SETUP';
}

/** Where a file is downloaded from: its publisher, or the mirror that CMIR_TORCH_MIRROR names; undefined: with pip. */
function sourceOf(file: PinnedFile, env: NodeJS.ProcessEnv): URL | undefined {
  const mirror = env['CMIR_TORCH_MIRROR'] ?? '';
  if (mirror === '') return hasPlace(file) ? new URL(file.url) : undefined;
  const text = `${mirror.replace(/\/+$/, '')}/${encodeURIComponent(fileName(file))}`;
  if (URL.canParse(text) && /^https?:/.test(text)) return new URL(text);
  throw problemError('ERR_CMIR_SETUP', {
    what: `CMIR_TORCH_MIRROR: found '${mirror}', expected a URL`,
    fix: 'give one such as https://mirror.example/torch, or unset it',
  });
}

async function fromNetwork(
  url: URL,
  file: PinnedFile,
  path: string,
  options: ObtainOptions & DownloadOptions,
): Promise<void> {
  const part = `${path}.part`;
  const resumed = (await sizeOf(part)) > 0;
  await download(url, file.bytes, part, options);
  let found = await sha256Of(part);
  if (found !== file.sha256 && resumed) {
    options.log('what was downloaded in two parts does not fit together; from the beginning');
    await rm(part);
    await download(url, file.bytes, part, options);
    found = await sha256Of(part);
  }
  if (found !== file.sha256) {
    await rm(part);
    const fix = `it was removed; check that nothing between here and ${url.host} changes files, ${elsewhere(file)}`;
    throw hashError(path, found, file.sha256, fix);
  }
  await rename(part, path);
}

async function fromPip(
  file: PinnedFile,
  variant: string,
  path: string,
  problem: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  try {
    await downloadWithPip(fileName(file), variant, path, env);
  } catch (error) {
    if (isDiskError(error)) throw error;
    const what = `${problem} with pip`;
    const fix = `check the network (HTTPS_PROXY names a proxy), ${elsewhere(file)}. ${messageOf(error)}`;
    throw problemError('ERR_CMIR_SETUP', { what, fix }, error);
  }
  const found = await sha256Of(path);
  if (found === file.sha256) return;
  await rm(path);
  const fix = `pip's sources have another build of that name, which was removed; ${elsewhere(file)}`;
  throw hashError(path, found, file.sha256, fix);
}
