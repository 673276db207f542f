import { MemoryBytes, readBytes, type Bytes } from '../storage/bytes';
import { LARGEST_COPY } from './heap';
import { problemAt } from './problem';
import { PickleBytes } from './values';

/** How a text is written: protocols 1 and up, 0, Python 2's protocol 0, Python 2's others. */
export type TextEncoding = 'utf-8' | 'raw-unicode-escape' | 'string-escape' | 'latin-1';

/** Longest text that is made a string, in bytes of the file: V8 takes about 2^29 characters. */
const LONGEST_TEXT = 2 ** 28;
/** Bytes decoded at a time. */
const CHUNK = 2 ** 20;
/** Longest escape, \U0001f600. */
const LONGEST_ESCAPE = 10;

/** A text too long to be read with the rest: where it lies. */
export class StoredText {
  readonly #bytes: Bytes;
  readonly #offset: number;
  #latin: Promise<PickleBytes> | null = null;

  /** `length` bytes from `offset` on, quotes left out. */
  constructor(
    bytes: Bytes,
    offset: number,
    readonly length: number,
    readonly encoding: TextEncoding,
  ) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  /** Throws ERR_CMIR_DATA for what is not in its encoding. */
  async text(): Promise<string> {
    if (this.length > LONGEST_TEXT) {
      throw this.#problem(
        `found a text of ${String(this.length)} bytes, expected at most ${String(LONGEST_TEXT)}`,
      );
    }
    const source = await readBytes(this.#bytes, this.#offset, this.length);
    const text = decodeText(source, this.encoding);
    if (typeof text !== 'string') throw this.#problem(text.problem);
    return text;
  }

  /** The bytes that its characters number: Python 2's data, or Python 3's under protocols 0 to 2. */
  latin1(): PickleBytes | Promise<PickleBytes> {
    if (this.encoding === 'latin-1') {
      return new PickleBytes(this.#bytes, this.#offset, this.length);
    }
    this.#latin ??= this.#decode(this.encoding);
    return this.#latin;
  }

  async #decode(encoding: EscapedEncoding): Promise<PickleBytes> {
    if (this.length > LARGEST_COPY) {
      throw this.#problem(
        `found data written as ${String(this.length)} bytes of text, ` +
          `expected at most ${String(LARGEST_COPY)}; in Python: pickle.dump(data, file, protocol=4)`,
      );
    }
    // Never longer decoded than written; pages of it that are not written are never there.
    const target = Buffer.alloc(this.length);
    let written = 0;
    for (let done = 0; done < this.length;) {
      const source = await readBytes(
        this.#bytes,
        this.#offset + done,
        Math.min(CHUNK, this.length - done),
      );
      const last = done + source.length === this.length;
      const decoded = decodeUnits(source, last, encoding, target.subarray(written));
      if (decoded.problem !== null) throw this.#problem(decoded.problem);
      done += decoded.read;
      written += decoded.written;
    }
    return new PickleBytes(
      new MemoryBytes(this.#bytes.name, target.subarray(0, written)),
      0,
      written,
    );
  }

  #problem(problem: string): Error {
    return problemAt(this.#bytes, this.#offset, problem);
  }
}

interface Problem {
  readonly problem: string;
}

/** A whole text, or what is wrong with it. */
export function decodeText(source: Buffer, encoding: TextEncoding): string | Problem {
  switch (encoding) {
    case 'latin-1':
      return source.toString('latin1');
    case 'utf-8':
      return decodeUtf8(source);
    default: {
      const units = new Uint16Array(source.length);
      const { problem, written } = decodeUnits(source, true, encoding, units);
      if (problem !== null) return { problem };
      return Buffer.from(units.buffer, 0, 2 * written).toString('utf16le');
    }
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lone surrogates, which Python can write, become U+FFFD. */
function decodeUtf8(source: Buffer): string | Problem {
  const text = source.toString('utf8');
  if (!text.includes('\ufffd')) return text;
  const mended = source.toString('latin1').replace(/\xed[\xa0-\xbf][\x80-\xbf]/g, '\xef\xbf\xbd');
  try {
    return strict.decode(Buffer.from(mended, 'latin1'));
  } catch {
    return { problem: 'found a text that is not UTF-8' };
  }
}

/** Data is written as text of which every character is a byte. */
export const NOT_LATIN = 'found a character beyond U+00ff in data written as text';

interface Decoded {
  /** Bytes consumed: all, but for an escape or a character that the source cuts. */
  readonly read: number;
  /** Elements of the target that are filled. */
  readonly written: number;
  readonly problem: string | null;
}

interface Code {
  readonly code: number;
  /** Bytes it takes. */
  readonly length: number;
}

type EscapedEncoding = Exclude<TextEncoding, 'latin-1'>;

/** Each reads the character or escape at `at`; null where there is none. */
const READERS: Readonly<Record<EscapedEncoding, (source: Uint8Array, at: number) => Code | null>> =
  {
    'utf-8': readNarrowUtf8,
    'raw-unicode-escape': readUnicodeEscape,
    'string-escape': readStringEscape,
  };

/** Decodes into UTF-16 units, or into bytes: then a character beyond U+00FF is a problem. */
function decodeUnits(
  source: Uint8Array,
  last: boolean,
  encoding: EscapedEncoding,
  target: Uint8Array | Uint16Array,
): Decoded {
  const escape = encoding === 'utf-8' ? 0x80 : 0x5c;
  const readCode = READERS[encoding];
  const wide = target.BYTES_PER_ELEMENT === 2;
  const safe = last ? source.length : source.length - LONGEST_ESCAPE;
  let read = 0;
  let written = 0;
  while (read < source.length) {
    const byte = source[read] as number;
    if (escape === 0x80 ? byte < 0x80 : byte !== escape) {
      target[written++] = byte;
      read += 1;
      continue;
    }
    if (read > safe) break;
    const found = readCode(source, read);
    if (found === null) {
      return { read, written, problem: `found text that is not ${encoding}` };
    }
    const { code, length } = found;
    if (code > 0xff && !wide) {
      return { read, written, problem: NOT_LATIN };
    }
    if (code > 0xffff) target[written++] = 0xd800 + ((code - 0x10000) >> 10);
    target[written++] = code > 0xffff ? 0xdc00 + (code & 0x3ff) : code;
    read += length;
  }
  return { read, written, problem: null };
}

/** U+0080 to U+07ff; a longer character is only known to lie beyond. */
function readNarrowUtf8(source: Uint8Array, at: number): Code | null {
  const lead = source[at] as number;
  const next = source[at + 1] ?? 0;
  if ((next & 0xc0) !== 0x80 || lead < 0xc2) return null;
  if (lead < 0xe0) return { code: ((lead & 0x1f) << 6) | (next & 0x3f), length: 2 };
  return { code: 0x800, length: 3 };
}

/** \u00e9 and \U0001f600; Python writes a backslash as \u005c, never two of them. */
function readUnicodeEscape(source: Uint8Array, at: number): Code | null {
  const kind = source[at + 1];
  if (kind === 0x5c) return null;
  if (kind !== 0x75 && kind !== 0x55) return { code: 0x5c, length: 1 };
  const digits = kind === 0x75 ? 4 : 8;
  const code = readDigits(source, at + 2, digits, 16);
  return code === null || code > 0x10ffff ? null : { code, length: 2 + digits };
}

const SIMPLE_ESCAPES: ReadonlyMap<number, number> = new Map(
  Object.entries({
    '\\': '\\',
    "'": "'",
    '"': '"',
    a: '\x07',
    b: '\b',
    f: '\f',
    n: '\n',
    r: '\r',
    t: '\t',
    v: '\v',
  }).map(([letter, meant]) => [letter.charCodeAt(0), meant.charCodeAt(0)]),
);

/** Escapes of a Python 2 string literal as repr() writes them, and octal ones. */
function readStringEscape(source: Uint8Array, at: number): Code | null {
  const kind = source[at + 1] ?? 0;
  if (kind === 0x78) {
    const code = readDigits(source, at + 2, 2, 16);
    return code === null ? null : { code, length: 4 };
  }
  const simple = SIMPLE_ESCAPES.get(kind);
  if (simple !== undefined) return { code: simple, length: 2 };
  for (const digits of [3, 2, 1]) {
    const code = readDigits(source, at + 1, digits, 8);
    if (code !== null) return { code: code & 0xff, length: 1 + digits };
  }
  return null;
}

function readDigits(source: Uint8Array, at: number, count: number, base: 8 | 16): number | null {
  let code = 0;
  for (let i = at; i < at + count; i += 1) {
    const digit = parseInt(String.fromCharCode(source[i] ?? 0), base);
    if (Number.isNaN(digit)) return null;
    code = code * base + digit;
  }
  return code;
}
