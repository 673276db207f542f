import { createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { messageOf } from '../../errors';
import { FetchFailure, isLasting } from './failure';
import { get } from './request';

export interface DownloadOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly log?: (line: string) => void;
  /** Takes the bytes that are there so far. */
  readonly onBytes?: (received: number) => void;
  /** Milliseconds without a byte after which a connection is given up. */
  readonly stallMs?: number;
  /** Milliseconds before the second try; each later one waits twice as long. */
  readonly retryMs?: number;
}

/** Tries in a row that bring nothing, and tries in all. */
const MOST_TRIES = { inVain: 5, all: 100 };
const STALL_MS = 30_000;
const RETRY_MS = 1000;

/**
 * Downloads `bytes` bytes of `url` to the file `part`, going on where that file ends; a connection that
 * breaks is made anew. Throws when that brings nothing, and leaves what has come for another time.
 */
export async function download(
  url: URL,
  bytes: number,
  part: string,
  options: DownloadOptions = {},
): Promise<void> {
  const { log = () => undefined, retryMs = RETRY_MS } = options;
  let reached = false;
  for (let tries = 1, inVain = 1; ; tries++, inVain++) {
    const have = await sizeOf(part);
    if (have === bytes) return;
    if (have > bytes) await rm(part);
    try {
      await append(url, bytes, part, {
        ...options,
        onBytes: (received) => {
          reached = true;
          options.onBytes?.(received);
        },
      });
      return;
    } catch (error) {
      const now = await sizeOf(part);
      if (now > have) inVain = 1;
      if (isLasting(error, reached)) throw error;
      if (inVain >= MOST_TRIES.inVain || tries >= MOST_TRIES.all) throw error;
      const wait = retryMs * 2 ** (inVain - 1);
      const megabytes = `${(now / 1e6).toFixed(0)} of ${(bytes / 1e6).toFixed(0)} MB`;
      log(`${messageOf(error)}; trying again in ${(wait / 1000).toFixed(0)} s, after ${megabytes}`);
      await sleep(wait);
    }
  }
}

/** Bytes of a file; 0 where there is none. */
export async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** One request, for what `part` lacks. */
async function append(
  url: URL,
  bytes: number,
  part: string,
  { env = process.env, stallMs = STALL_MS, onBytes = () => undefined }: DownloadOptions,
): Promise<void> {
  const have = await sizeOf(part);
  const headers = {
    'accept-encoding': 'identity',
    ...(have > 0 ? { range: `bytes=${String(have)}-` } : {}),
  };
  const answer = await get(url, { headers, env, stallMs });
  try {
    const { statusCode: status = 0, headers: received } = answer;
    if (status === 416) await rm(part, { force: true });
    const start = startOf(url, status, received, have, bytes);
    let size = start;
    const counter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        size += chunk.length;
        if (size > bytes) done(otherFile(url, `more than ${String(bytes)} bytes`, bytes));
        else done(null, chunk);
        onBytes(size);
      },
    });
    await pipeline(answer, counter, createWriteStream(part, { flags: start > 0 ? 'a' : 'w' }));
    if (size < bytes) throw new FetchFailure(`${url.host} ended the download early`, false);
  } finally {
    answer.destroy();
  }
}

/** The place in the file at which the body of an answer begins. */
function startOf(
  url: URL,
  status: number,
  headers: { 'content-length'?: string | undefined; 'content-range'?: string | undefined },
  have: number,
  bytes: number,
): number {
  if (status === 200) {
    const length = headers['content-length'];
    if (length !== undefined && Number(length) !== bytes) {
      throw otherFile(url, `${length} bytes`, bytes);
    }
    return 0;
  }
  if (status === 206) {
    const range = headers['content-range'] ?? '';
    const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(range) ?? [];
    if (total !== undefined && total !== '*' && Number(total) !== bytes) {
      throw otherFile(url, `${total} bytes`, bytes);
    }
    if (Number(start) === have) return have;
    throw new FetchFailure(`${url.host} sends another part than the one asked for`, true);
  }
  const passing = [408, 416, 425, 429].includes(status) || status >= 500;
  throw new FetchFailure(`${url.href} answers ${String(status)}`, !passing);
}

function otherFile(url: URL, found: string, bytes: number): FetchFailure {
  return new FetchFailure(
    `${url.href} is another file: found ${found}, expected ${String(bytes)}`,
    true,
  );
}
