import { parseNumber } from '../cells';
import type { Bytes } from '../storage/bytes';
import { Heap, HEAP } from './heap';
import { decodeLong, LONGEST_INTEGER, parseInteger } from './integers';
import type { Fail } from './stack';
import { decodeText, StoredText, type TextEncoding } from './text';
import { PickleBytes, type PickleValue } from './values';
import { LONGEST_INLINE, type Window } from './window';

/** Reads what follows opcodes in the file: numbers, texts, bytes. */
export class Arguments {
  constructor(
    private readonly bytes: Bytes,
    private readonly window: Window,
    private readonly heap: Heap,
    private readonly fail: Fail,
  ) {}

  /** A line, as names, numbers and memo keys are written. */
  line(): string {
    const line = this.window.line();
    return line === null
      ? this.fail('expected a line of text (damaged?)')
      : line.toString('latin1');
  }

  integerLine(): PickleValue {
    // Long integers of Python 2 and of protocol 0 end in L.
    const line = this.line().replace(/L$/, '');
    return parseInteger(line) ?? this.fail('found a line that is no integer (damaged?)');
  }

  floatLine(): number {
    return parseNumber(this.line()) ?? this.fail('found a line that is no number (damaged?)');
  }

  memoKeyLine(): number {
    const line = this.line();
    return /^\d{1,15}$/.test(line)
      ? Number(line)
      : this.fail('found a memo key that is no number (damaged?)');
  }

  long(length: number): PickleValue {
    if (length < 0 || length > LONGEST_INTEGER) {
      this.fail(
        `found an integer of ${String(length)} bytes, expected at most ${String(LONGEST_INTEGER)}`,
      );
    }
    return decodeLong(this.window.bytes(length));
  }

  text(length: number, encoding: TextEncoding): PickleValue {
    return length > LONGEST_INLINE
      ? this.#stored(this.window.skip(length), length, encoding)
      : this.#decoded(this.window.bytes(length), encoding);
  }

  /** What Python 2 wrote in over 255 bytes: more often an array's content than text. */
  longString(length: number): PickleValue {
    if (length < 0) this.fail(`found a string of ${String(length)} bytes (damaged?)`);
    return length < 256
      ? this.text(length, 'latin-1')
      : this.#stored(this.window.skip(length), length, 'latin-1');
  }

  unicodeLine(): PickleValue | Promise<PickleValue> {
    const begin = this.window.position;
    const line = this.window.line();
    if (line !== null) return this.#decoded(line, 'raw-unicode-escape');
    return this.#longLine(begin, 0, 'raw-unicode-escape');
  }

  /** A string literal in quotes. */
  stringLine(): PickleValue | Promise<PickleValue> {
    const begin = this.window.position;
    const line = this.window.line();
    if (line === null) return this.#longLine(begin, 1, 'string-escape');
    const quote = line[0];
    if (line.length < 2 || (quote !== 0x22 && quote !== 0x27) || line.at(-1) !== quote) {
      this.fail('found a string without quotes (damaged?)');
    }
    return this.#decoded(line.subarray(1, -1), 'string-escape');
  }

  binary(length: number): PickleValue {
    this.heap.take(HEAP.object);
    return new PickleBytes(this.bytes, this.window.skip(length), length);
  }

  async #longLine(begin: number, quotes: number, encoding: TextEncoding): Promise<PickleValue> {
    await this.window.skipLine();
    const length = this.window.position - 1 - begin;
    return this.#stored(begin + quotes, length - 2 * quotes, encoding);
  }

  #decoded(source: Buffer, encoding: TextEncoding): PickleValue {
    const text = decodeText(source, encoding);
    if (typeof text !== 'string') return this.fail(text.problem);
    this.heap.take(HEAP.slot + 2 * text.length);
    return text;
  }

  #stored(offset: number, length: number, encoding: TextEncoding): PickleValue {
    this.heap.take(HEAP.object);
    return new StoredText(this.bytes, offset, length, encoding);
  }
}
