import type { Bytes } from '../storage/bytes';
import { problemAt } from './problem';

/** Longest argument that is read with its opcode; longer ones stay where they are. */
export const LONGEST_INLINE = 2 ** 14;
/** An opcode with such an argument, or two such lines, is whole in so many bytes. */
const LOOKAHEAD = 2 * LONGEST_INLINE + 16;
const SMALLEST = 2 * LOOKAHEAD;
const LARGEST = 2 ** 18;

const NEWLINE = 0x0a;

/**
 * The stretch of a pickle that is in memory: reading from it is synchronous, refill() moves it on. What is passed
 * over is not read; so windows are small after a jump and grow while there is none.
 */
export class Window {
  readonly #bytes: Bytes;
  #data = Buffer.alloc(0);
  /** Offset of the window's first byte. */
  #base = 0;
  /** The next byte within the window; beyond its end after a jump. */
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** Offset of the next byte. */
  get position(): number {
    return this.#base + this.#at;
  }

  /** Whether the next opcode is in the window as far as it is in the file. */
  get ready(): boolean {
    const { length } = this.#data;
    return this.#at <= length - LOOKAHEAD || this.#base + length >= this.#bytes.size;
  }

  /** Makes it ready. */
  async refill(): Promise<void> {
    const kept = this.#data.subarray(this.#at);
    const wanted = kept.length === 0 ? 0 : 2 * this.#data.length;
    const base = this.position;
    const length = Math.min(Math.max(SMALLEST, Math.min(LARGEST, wanted)), this.#bytes.size - base);
    const data = Buffer.alloc(length);
    kept.copy(data);
    await this.#bytes.readInto(data.subarray(kept.length), base + kept.length);
    this.#data = data;
    this.#base = base;
    this.#at = 0;
  }

  byte(): number {
    return this.#data[this.#take(1)] as number;
  }

  uint16(): number {
    return this.#data.readUInt16LE(this.#take(2));
  }

  int32(): number {
    return this.#data.readInt32LE(this.#take(4));
  }

  uint32(): number {
    return this.#data.readUInt32LE(this.#take(4));
  }

  /** Rounded beyond 2^53, which no file reaches. */
  uint64(): number {
    return Number(this.#data.readBigUInt64LE(this.#take(8)));
  }

  float64(): number {
    return this.#data.readDoubleBE(this.#take(8));
  }

  /** The next `length` bytes, at most LONGEST_INLINE; good until the next refill. */
  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#data.subarray(at, at + length);
  }

  /** Passes over `length` bytes of any number and returns the offset of the first. */
  skip(length: number): number {
    const { position } = this;
    if (position + length > this.#bytes.size) throw this.#endsEarly(length);
    this.#at += length;
    return position;
  }

  /** The next bytes up to a newline, which is passed over; null where it is not near. */
  line(): Buffer | null {
    const at = this.#at;
    const end = this.#data.subarray(at, at + LONGEST_INLINE).indexOf(NEWLINE);
    if (end < 0) return null;
    this.#at = at + end + 1;
    return this.#data.subarray(at, at + end);
  }

  /** Passes over a line of any length, and its newline. */
  async skipLine(): Promise<void> {
    for (;;) {
      const end = this.#data.indexOf(NEWLINE, this.#at);
      if (end >= 0) {
        this.#at = end + 1;
        return;
      }
      this.#at = this.#data.length;
      if (this.position >= this.#bytes.size) throw this.#endsEarly(1);
      await this.refill();
    }
  }

  /** Bytes of the file from `offset` on, or null where they are not in the window. */
  view(offset: number, length: number): Buffer | null {
    const at = offset - this.#base;
    if (at < 0 || at + length > this.#data.length) return null;
    return this.#data.subarray(at, at + length);
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#data.length) throw this.#endsEarly(length);
    this.#at = at + length;
    return at;
  }

  #endsEarly(length: number): Error {
    const problem = `expected ${String(length)} more bytes, but they end at ${String(this.#bytes.size)} (truncated?)`;
    return problemAt(this.#bytes, this.position, problem);
  }
}
