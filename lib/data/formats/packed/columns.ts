import type { LazyTexts } from '../../dataset';

/** Texts as their UTF-8 bytes one after another, with the number of bytes of each. */
export interface PackedTexts {
  readonly bytes: Uint8Array;
  readonly lengths: Int32Array;
}

export function packTexts(texts: readonly string[]): PackedTexts {
  const lengths = Int32Array.from(texts, (text) => Buffer.byteLength(text));
  return { bytes: Buffer.from(texts.join('')), lengths };
}

/** Decodes when asked; memory is that of the bytes until then. */
export function lazyTexts({ bytes, lengths }: PackedTexts): LazyTexts {
  return {
    length: lengths.length,
    read() {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      let begin = 0;
      return Array.from(lengths, (length) => buffer.toString('utf8', begin, (begin += length)));
    },
  };
}
