import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { fetchLibtorch, type FetchOptions } from '../../lib/native/fetch/index';
import type { PinnedBuild } from '../../lib/native/fetch/pinned';
import { fakePath, newFolder } from './fixture';

const UNIX = 3;
export const LINK_MODE = 0o120777;

export interface ZipMember {
  readonly name: string;
  readonly content: string | Buffer;
  /** Type and permissions as Unix has them. */
  readonly mode?: number;
}

/** A zip file of these members, stored, whatever their names are. */
export function zipOf(members: readonly ZipMember[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content, mode = 0o100644 } of members) {
    const [path, data] = [Buffer.from(name), Buffer.from(content)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE((UNIX << 8) | 20, 4);
    common.copy(entry, 6);
    entry.writeUInt32LE((mode << 16) >>> 0, 38);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, path);
    const local = [Buffer.from('PK\x03\x04', 'latin1'), common, path, data];
    parts.push(...local);
    offset += Buffer.concat(local).length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}

const LIBRARY = process.platform === 'darwin' ? 'libtorch.dylib' : 'libtorch.so';

/** Bytes that no compression would shorten, large enough to arrive in many pieces. */
export const LIBRARY_BYTES = randomBytes(3 << 20);

/** Members of a small wheel of LibTorch. */
export function wheelMembers(version = '2.13.0+cpu'): ZipMember[] {
  return [
    { name: 'torch/__init__.py', content: 'raise SystemExit\n' },
    { name: 'torch/version.py', content: `__version__ = '${version}'\ncuda = None\n` },
    { name: 'torch/include/', content: '' },
    { name: 'torch/include/torch/library.h', content: '// operators\n' },
    { name: `torch/lib/${LIBRARY}`, content: LIBRARY_BYTES },
    { name: 'torch/lib/libtorch_python.so', content: 'not needed' },
    { name: 'torch-2.13.0.dist-info/licenses/LICENSE', content: 'BSD\n' },
    { name: 'torch-2.13.0.dist-info/RECORD', content: '' },
  ];
}

export const WHEEL = zipOf(wheelMembers());
export const WHEEL_NAME = 'torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl';

export function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** The pinned build of this machine whose one wheel, or several, a server at `base` offers. */
export function buildOf(
  base: string,
  wheels: Record<string, Buffer> = { [WHEEL_NAME]: WHEEL },
): PinnedBuild {
  return {
    platform: `${process.platform}-${process.arch}`,
    variant: 'cpu',
    version: '2.13.0',
    unpackedBytes: LIBRARY_BYTES.length,
    files: Object.entries(wheels).map(([name, content]) => ({
      url: `${base}/${encodeURIComponent(name)}`,
      bytes: content.length,
      sha256: sha256(content),
    })),
  };
}

/** Answers a request for the wheel; `from` is where its Range begins, 0 without one. */
export type Answer = (response: ServerResponse, from: number, request: IncomingMessage) => void;

/** Answers as servers of files do: the whole, or the part that is asked for. */
export const whole: Answer = (response, from) => {
  const rest = WHEEL.subarray(from);
  if (from > 0) {
    const range = `bytes ${String(from)}-${String(WHEEL.length - 1)}/${String(WHEEL.length)}`;
    response.writeHead(206, { 'content-range': range, 'content-length': rest.length });
  } else {
    response.writeHead(200, { 'content-length': rest.length });
  }
  response.end(rest);
};

/** Answers in the same way, but breaks the connection after so many bytes. */
export function cutAfter(bytes: number): Answer {
  return (response, from) => {
    const rest = WHEEL.subarray(from);
    const range = `bytes ${String(from)}-${String(WHEEL.length - 1)}/${String(WHEEL.length)}`;
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': rest.length,
      ...(from > 0 ? { 'content-range': range } : {}),
    });
    response.write(rest.subarray(0, bytes), () => {
      // Whoever reads has it by then.
      setTimeout(() => response.destroy(), 50);
    });
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, headers).end('no wheel');
}

const stops: (() => Promise<void>)[] = [];

export async function stopServers(): Promise<void> {
  for (const stop of stops.splice(0)) await stop();
}

/** A server on this machine that gives its answers in turn, the last one again and again. */
export async function serve(...answers: Answer[]) {
  const ranges: number[] = [];
  const server = createServer((request, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    const answer = answers[Math.min(ranges.length, answers.length - 1)] ?? status(500);
    ranges.push(from);
    answer(response, from, request);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  );
  return {
    base: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    /** Where each request so far wanted to begin. */
    ranges,
  };
}

/** A new machine without python3, or with one that `python3` says the shell script of. */
export function machine(scripts: Record<string, string> = {}) {
  const XDG_CACHE_HOME = newFolder();
  const cache = join(XDG_CACHE_HOME, 'cmir');
  const target = join(cache, 'libtorch-2.13.0-cpu');
  const downloads = join(target, '.cmir-fetch', 'downloads');
  const env: NodeJS.ProcessEnv = { PATH: fakePath(scripts), XDG_CACHE_HOME };
  const lines: string[] = [];
  return {
    env,
    cache,
    target,
    downloads,
    part: join(downloads, `${WHEEL_NAME}.part`),
    lines,
    fetch: (options: FetchOptions) =>
      fetchLibtorch({ env, log: (line) => lines.push(line), retryMs: 1, ...options }),
  };
}

/** A python3 whose pip logs its arguments and then does what `download` says; $dest is where a wheel goes. */
export function fakePip(download: string) {
  const log = join(newFolder(), 'pip.log');
  const python3 = `
    if [ "$3" = --version ]; then echo pip 24.0; exit 0; fi
    echo "$@" >> ${log}
    while [ "$1" != --dest ]; do shift; done
    dest=$2
    mkdir -p $dest
    ${download}`;
  return {
    scripts: { python3 },
    /** The arguments of each pip that ran. */
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}
