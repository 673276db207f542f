import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** Contents begin at multiples of it, so that arrays in them can be mapped. */
const ALIGNMENT = 64;
/** Stand where sizes and offsets, and counts, are in zip64 fields instead. */
const LARGE = 0xffffffff;
const MANY = 0xffff;
/** 1 January 1980, the first day there is: the same content gives the same bytes. */
const DATE = 0x21;
/** Names are UTF-8. */
const FLAGS = 0x0800;
/** Versions of the format that plain, and zip64, members need. */
const PLAIN_VERSION = 20;
const ZIP64_VERSION = 45;
const ZIP64_FIELD = 1;
/** The field that Android's zipalign pads with, which readers skip as any they do not know. */
const PADDING_FIELD = 0xd935;

/** One call writes at most so much: the limit of write(2) is just under 2 GiB. */
const LARGEST_WRITE = 2 ** 30;

const LOCAL_BYTES = 30;
const CRC_OFFSET = 14;

interface Member {
  readonly name: Buffer;
  readonly size: number;
  readonly offset: number;
  readonly crc: number;
}

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * Writes a zip archive of stored members (PKWARE's APPNOTE.TXT 6.3, zip64 where it is needed), each as it comes in
 * chunks.
 */
export class ZipWriter {
  readonly #handle: FileHandle;
  readonly #zip64From: number;
  readonly #members: Member[] = [];
  #end = 0;

  private constructor(handle: FileHandle, zip64From: number) {
    this.#handle = handle;
    this.#zip64From = zip64From;
  }

  /** `path` must not be there. Sizes and offsets from `zip64From` on are written as zip64 has them. */
  static async create(path: string, zip64From = LARGE): Promise<ZipWriter> {
    return new ZipWriter(await open(path, 'wx'), zip64From);
  }

  /** Adds a member of `size` bytes, which `chunks` must give. */
  async add(name: string, size: number, chunks: Chunks): Promise<void> {
    const offset = this.#end;
    const bytes = Buffer.from(name);
    await this.#append(localHeader(bytes, size, offset, this.#zip64From));
    const start = this.#end;
    let crc = 0;
    for await (const chunk of chunks) {
      // Node's crc32 of no bytes forgets those before.
      if (chunk.length > 0) crc = crc32(chunk, crc);
      await this.#append(chunk);
    }
    if (this.#end - start !== size) {
      throw new RangeError(
        `${name}: got ${String(this.#end - start)} bytes, expected ${String(size)}`,
      );
    }
    await this.#handle.write(uint32(crc), 0, 4, offset + CRC_OFFSET);
    this.#members.push({ name: bytes, size, offset, crc });
  }

  /** Writes the directory and flushes. */
  async finish(): Promise<void> {
    const begin = this.#end;
    for (const member of this.#members) await this.#append(directoryEntry(member, this.#zip64From));
    await this.#append(
      directoryEnd(this.#members.length, begin, this.#end - begin, this.#zip64From),
    );
    await this.#handle.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(bytes.length - done, LARGEST_WRITE);
      const { bytesWritten } = await this.#handle.write(bytes, done, length, this.#end);
      done += bytesWritten;
      this.#end += bytesWritten;
    }
  }
}

/** A member's own header, padded so that its content is aligned; the CRC is filled in later. */
function localHeader(name: Buffer, size: number, offset: number, zip64From: number): Buffer {
  const large = size >= zip64From;
  const sizes = large ? extraField(ZIP64_FIELD, uint64(size), uint64(size)) : Buffer.alloc(0);
  const unpadded = offset + LOCAL_BYTES + name.length + sizes.length + 4;
  const padding = Buffer.alloc((ALIGNMENT - (unpadded % ALIGNMENT)) % ALIGNMENT);
  const extra = Buffer.concat([sizes, extraField(PADDING_FIELD, padding)]);
  return Buffer.concat([
    uint32(0x04034b50),
    uint16(large ? ZIP64_VERSION : PLAIN_VERSION),
    ...common(0, large ? LARGE : size),
    uint16(name.length),
    uint16(extra.length),
    name,
    extra,
  ]);
}

function directoryEntry({ name, size, offset, crc }: Member, zip64From: number): Buffer {
  const large = [
    ...(size >= zip64From ? [uint64(size), uint64(size)] : []),
    ...(offset >= zip64From ? [uint64(offset)] : []),
  ];
  const extra = large.length > 0 ? extraField(ZIP64_FIELD, ...large) : Buffer.alloc(0);
  const version = large.length > 0 ? ZIP64_VERSION : PLAIN_VERSION;
  return Buffer.concat([
    uint32(0x02014b50),
    uint16(version),
    uint16(version),
    ...common(crc, size >= zip64From ? LARGE : size),
    uint16(name.length),
    uint16(extra.length),
    // No comment, first disk, no attributes.
    Buffer.alloc(2 + 2 + 2 + 4),
    uint32(offset >= zip64From ? LARGE : offset),
    name,
    extra,
  ]);
}

/** What both headers of a member have in common: flags, method (stored), time, date, CRC, both sizes. */
function common(crc: number, size: number): Buffer[] {
  return [
    uint16(FLAGS),
    uint16(0),
    uint16(0),
    uint16(DATE),
    uint32(crc),
    uint32(size),
    uint32(size),
  ];
}

function directoryEnd(count: number, begin: number, size: number, zip64From: number): Buffer {
  const parts: Buffer[] = [];
  const large = count >= MANY || begin >= zip64From || size >= zip64From;
  if (large) {
    parts.push(
      uint32(0x06064b50),
      // Bytes that follow in this record.
      uint64(44),
      uint16(ZIP64_VERSION),
      uint16(ZIP64_VERSION),
      uint32(0),
      uint32(0),
      uint64(count),
      uint64(count),
      uint64(size),
      uint64(begin),
      // Where that record is.
      uint32(0x07064b50),
      uint32(0),
      uint64(begin + size),
      uint32(1),
    );
  }
  parts.push(
    uint32(0x06054b50),
    uint16(0),
    uint16(0),
    uint16(large ? MANY : count),
    uint16(large ? MANY : count),
    uint32(large ? LARGE : size),
    uint32(large ? LARGE : begin),
    uint16(0),
  );
  return Buffer.concat(parts);
}

function extraField(id: number, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content);
  return Buffer.concat([uint16(id), uint16(bytes.length), bytes]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
