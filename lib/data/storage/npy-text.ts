import { CHUNK, elementsOf, type TextArray } from './array';
import { readBytes, type Bytes } from './bytes';

/** Texts of one width, padded with zeros: bytes of UTF-8 (S), or code points of 4 bytes each (U). */
export interface TextLayout {
  readonly kind: 'S' | 'U';
  /** Bytes of each. */
  readonly width: number;
  readonly bigEndian: boolean;
}

/** Most bytes of one text. */
const WIDEST = 2 ** 24;

/**
 * How much text may still be read into memory. The whole is far above any data set's, and far below what a small
 * deflated file could claim.
 */
export interface TextBudget {
  texts: number;
  characters: number;
}

export function newTextBudget(): TextBudget {
  return { texts: 2 ** 24, characters: 2 ** 28 };
}

interface Texts extends TextLayout {
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
}

/** Reads texts that begin at `offset`; `fail` throws what names the file. */
export async function readTexts(
  { shape, columnMajor, ...layout }: Texts,
  bytes: Bytes,
  offset: number,
  budget: TextBudget,
  fail: (problem: string) => never,
): Promise<TextArray> {
  const count = elementsOf(shape);
  const { width } = layout;
  if (!(count <= budget.texts)) {
    fail(`found ${String(count)} texts, expected ${String(budget.texts)} at most`);
  }
  budget.texts -= count;
  if (width === 0 || width > WIDEST) {
    fail(`found texts of ${String(width)} bytes each, expected 1 to ${String(WIDEST)}`);
  }
  if (columnMajor && shape.length > 1) {
    fail('it holds texts in Fortran order; save numpy.ascontiguousarray(x)');
  }
  const values: string[] = [];
  const step = Math.max(1, Math.floor(CHUNK / width));
  for (let first = 0; first < count; first += step) {
    const texts = Math.min(step, count - first);
    const chunk = await readBytes(bytes, offset + first * width, texts * width);
    for (let i = 0; i < texts; i += 1) {
      const text = decode(layout, chunk.subarray(i * width, (i + 1) * width));
      if (text === null) {
        return fail(
          `text ${String(first + i)} is not ${layout.kind === 'S' ? 'UTF-8; save it as str' : 'made of Unicode characters'}`,
        );
      }
      budget.characters -= text.length;
      values.push(text);
    }
    if (budget.characters < 0) fail('found more text than a data set has');
  }
  return { kind: 'texts', shape, values };
}

/** A text without its padding; null where the bytes spell none. */
function decode({ kind, bigEndian }: TextLayout, bytes: Buffer): string | null {
  return kind === 'S' ? decodeUtf8(bytes) : decodeCodePoints(bytes, bigEndian);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Buffer): string | null {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  try {
    return utf8.decode(bytes.subarray(0, end));
  } catch {
    return null;
  }
}

function decodeCodePoints(bytes: Buffer, bigEndian: boolean): string | null {
  const pointAt = (i: number): number =>
    bigEndian ? bytes.readUInt32BE(4 * i) : bytes.readUInt32LE(4 * i);
  let length = bytes.length / 4;
  while (length > 0 && pointAt(length - 1) === 0) length -= 1;
  // One byte each suffices for most texts; then strings take a quarter of the time and half of the memory.
  const narrow = Buffer.allocUnsafe(length);
  for (let i = 0; i < length; i += 1) {
    const point = pointAt(i);
    if (point > 0xff) return decodeWide(length, pointAt);
    narrow[i] = point;
  }
  return narrow.toString('latin1');
}

function decodeWide(length: number, pointAt: (i: number) => number): string | null {
  const parts: string[] = [];
  for (let i = 0; i < length; i += 1) {
    const point = pointAt(i);
    if (point > 0x10ffff) return null;
    parts.push(String.fromCodePoint(point));
  }
  return parts.join('');
}

/** Texts as NumPy's type U holds them, padded to the longest: its name, and the bytes chunk by chunk. */
export function encodeTexts(texts: readonly string[]): {
  readonly descr: string;
  readonly byteLength: number;
  readonly chunks: () => Iterable<Buffer>;
} {
  // NumPy has no texts of no width.
  const longest = texts.reduce((most, text) => Math.max(most, codePoints(text)), 1);
  const width = 4 * longest;
  const step = Math.max(1, Math.floor(CHUNK / width));
  return {
    descr: `<U${String(longest)}`,
    byteLength: texts.length * width,
    *chunks() {
      for (let first = 0; first < texts.length; first += step) {
        const part = texts.slice(first, first + step);
        const chunk = Buffer.alloc(part.length * width);
        part.forEach((text, row) => {
          let at = row * width;
          for (const character of text) {
            at = chunk.writeUInt32LE(character.codePointAt(0) as number, at);
          }
        });
        yield chunk;
      }
    },
  };
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
