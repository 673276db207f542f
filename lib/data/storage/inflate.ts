import { pipeline, Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';

import { CmirError, messageOf } from '../../errors';
import { readBytes, type Bytes } from './bytes';

/** Bytes read, and inflated, at a time. */
const CHUNK = 2 ** 18;
/** A match of 258 bytes takes at least 2 bits: deflate cannot shrink further (RFC 1951). */
const MOST_SHRUNK = (258 * 8) / 2;

/** What the inflater has produced so far. */
interface Inflating {
  readonly chunks: AsyncIterator<Buffer>;
  readonly stop: () => void;
  /** Bytes handed out or skipped. */
  position: number;
  /** Inflated and not yet handed out. */
  rest: Buffer;
  /** CRC-32 of all that was inflated. */
  crc: number;
}

/**
 * Deflated bytes, inflated when they are read and only as far: reading on goes on from there, reading behind that
 * begins anew. Reading them to their end checks their number and their CRC-32.
 */
export class InflatedBytes implements Bytes {
  readonly isSequential = true;
  #inflating: Inflating | null = null;
  /** Reads wait for one another, as there is one inflater. */
  #turn: Promise<void> = Promise.resolve();

  /** `size` is what `deflated` must inflate to. Throws ERR_CMIR_DATA where deflate could not do that. */
  constructor(
    readonly name: string,
    readonly size: number,
    private readonly deflated: Bytes,
    private readonly expectedCrc: number,
  ) {
    if (!(size <= deflated.size * MOST_SHRUNK)) {
      throw this.#error(
        `${String(deflated.size)} bytes cannot inflate to the ${String(size)} that are claimed`,
      );
    }
  }

  readInto(target: Uint8Array, position: number): Promise<void> {
    const turn = this.#turn.then(() => this.#read(target, position));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Gives up the inflater and its memory; a later read begins anew. */
  release(): void {
    this.#inflating?.stop();
    this.#inflating = null;
  }

  async #read(target: Uint8Array, position: number): Promise<void> {
    if (position + target.length > this.size) {
      throw this.#error(`it ends at byte ${String(this.size)} (truncated?)`);
    }
    if (this.#inflating !== null && this.#inflating.position > position) this.release();
    this.#inflating ??= inflate(this.deflated);
    try {
      await this.#advance(this.#inflating, position, null);
      await this.#advance(this.#inflating, position + target.length, target);
      if (this.#inflating.position === this.size) await this.#checkEnd(this.#inflating);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Goes on to byte `end`; `target` takes what is passed. */
  async #advance(inflating: Inflating, end: number, target: Uint8Array | null): Promise<void> {
    const begin = inflating.position;
    while (inflating.position < end) {
      if (inflating.rest.length === 0 && !(await this.#inflateMore(inflating))) {
        throw this.#error(
          `it inflates to ${String(inflating.position)} bytes, expected ${String(this.size)}`,
        );
      }
      const part = inflating.rest.subarray(0, end - inflating.position);
      target?.set(part, inflating.position - begin);
      inflating.position += part.length;
      inflating.rest = inflating.rest.subarray(part.length);
    }
  }

  /** False at the end. */
  async #inflateMore(inflating: Inflating): Promise<boolean> {
    try {
      const next = await inflating.chunks.next();
      if (next.done === true) return false;
      inflating.rest = next.value;
      // Never empty, of which Node's crc32 would forget what came before.
      inflating.crc = crc32(next.value, inflating.crc);
      return true;
    } catch (cause) {
      if (cause instanceof CmirError) throw cause;
      throw this.#error(`it cannot be inflated: ${messageOf(cause)}`, cause);
    }
  }

  async #checkEnd(inflating: Inflating): Promise<void> {
    if (inflating.rest.length > 0 || (await this.#inflateMore(inflating))) {
      throw this.#error(`it inflates to more than the ${String(this.size)} bytes that are claimed`);
    }
    if (inflating.crc !== this.expectedCrc) {
      throw this.#error('its checksum is another than the one stored with it (damaged?)');
    }
    this.release();
  }

  #error(problem: string, cause?: unknown): CmirError {
    return new CmirError('ERR_CMIR_DATA', `${this.name}: ${problem}`, { cause });
  }
}

function inflate(deflated: Bytes): Inflating {
  const inflater = createInflateRaw({ chunkSize: CHUNK });
  // A failure ends the inflater too, whose reader is told.
  pipeline(Readable.from(chunksOf(deflated), { objectMode: false }), inflater, () => undefined);
  return {
    chunks: inflater[Symbol.asyncIterator]() as AsyncIterator<Buffer>,
    stop: () => inflater.destroy(),
    position: 0,
    rest: Buffer.alloc(0),
    crc: 0,
  };
}

async function* chunksOf(bytes: Bytes): AsyncGenerator<Buffer> {
  for (let position = 0; position < bytes.size; position += CHUNK) {
    yield await readBytes(bytes, position, Math.min(CHUNK, bytes.size - position));
  }
}
