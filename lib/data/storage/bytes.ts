import { open, type FileHandle } from 'node:fs/promises';

import { CmirError, messageOf, throwIfAborted } from '../../errors';

/** Bytes that are read at any place: a file, or what is in memory. */
export interface Bytes {
  /** What messages call it. */
  readonly name: string;
  readonly size: number;
  /** Where in a file they begin; absent where they are no part of a file as it lies on disk. */
  readonly fileOffset?: number | undefined;
  /** Whether to read behind what was read before costs as much as reading all. */
  readonly isSequential?: boolean;
  /** Fills `target` from `position` on. Throws ERR_CMIR_DATA when they end before. */
  readInto(target: Uint8Array, position: number): Promise<void>;
}

/** One call reads at most so much: the limit of read(2) is just under 2 GiB. */
const LARGEST_READ = 2 ** 30;

/** A file, open until close(). */
export class FileBytes implements Bytes {
  readonly fileOffset = 0;

  private constructor(
    readonly name: string,
    readonly size: number,
    private readonly handle: FileHandle,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Throws ERR_CMIR_DATA, naming the path, for what cannot be opened; reading stops with the signal. */
  static async open(path: string, signal?: AbortSignal): Promise<FileBytes> {
    throwIfAborted(signal);
    try {
      const handle = await open(path, 'r');
      return new FileBytes(path, (await handle.stat()).size, handle, signal);
    } catch (cause) {
      throw unreadable(path, cause);
    }
  }

  async readInto(target: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < target.length) {
      throwIfAborted(this.signal);
      const length = Math.min(target.length - done, LARGEST_READ);
      const { bytesRead } = await this.handle
        .read(target, done, length, position + done)
        .catch((cause: unknown) => {
          throw unreadable(this.name, cause);
        });
      if (bytesRead === 0) throw endsEarly(this, position, target.length);
      done += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Bytes in memory under a name. */
export class MemoryBytes implements Bytes {
  constructor(
    readonly name: string,
    private readonly content: Uint8Array,
  ) {}

  get size(): number {
    return this.content.length;
  }

  readInto(target: Uint8Array, position: number): Promise<void> {
    if (position + target.length > this.size) {
      return Promise.reject(endsEarly(this, position, target.length));
    }
    target.set(this.content.subarray(position, position + target.length));
    return Promise.resolve();
  }
}

/** Some of other bytes, [begin, begin + size), under a name of their own. */
export class BytesSlice implements Bytes {
  readonly fileOffset: number | undefined;

  /** Throws ERR_CMIR_DATA when the other bytes end before. */
  constructor(
    readonly name: string,
    readonly size: number,
    private readonly whole: Bytes,
    private readonly begin: number,
  ) {
    if (!(begin >= 0 && begin + size <= whole.size)) throw endsEarly(whole, begin, size);
    if (whole.fileOffset !== undefined) this.fileOffset = whole.fileOffset + begin;
  }

  async readInto(target: Uint8Array, position: number): Promise<void> {
    if (position + target.length > this.size) throw endsEarly(this, position, target.length);
    await this.whole.readInto(target, this.begin + position);
  }
}

function unreadable(path: string, cause: unknown): CmirError {
  const problem = `${path}: ${messageOf(cause)}, expected a file`;
  return new CmirError('ERR_CMIR_DATA', problem, { cause });
}

function endsEarly({ name, size }: Bytes, position: number, length: number): CmirError {
  return new CmirError(
    'ERR_CMIR_DATA',
    `${name}, byte ${String(position)}: expected ${String(length)} more bytes, but they end at ` +
      `${String(size)} (truncated?)`,
  );
}

/** `length` bytes from `position` on, on their own. Throws ERR_CMIR_DATA, before it asks for memory, when they are not there. */
export async function readBytes(bytes: Bytes, position: number, length: number): Promise<Buffer> {
  if (position < 0 || length < 0 || position + length > bytes.size) {
    throw endsEarly(bytes, position, length);
  }
  const target = Buffer.alloc(length);
  await bytes.readInto(target, position);
  return target;
}
