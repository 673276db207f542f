import { decompress as inflateZstd } from 'fzstd';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** No compression of Parquet shrinks a page of a data set further; what claims to is made to fill memory. */
const MOST_SHRUNK = 2 ** 16;
const LARGEST_PAGE = 2 ** 30;

/** Ways of compressing that are read. */
const CODECS: Readonly<Record<string, (page: Uint8Array, size: number) => Uint8Array>> = {
  UNCOMPRESSED: (page) => page,
  SNAPPY: inflateSnappy,
  GZIP: (page, size) => gunzipSync(page, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (page, size) => brotliDecompressSync(page, { maxOutputLength: Math.max(1, size) }),
  // Does not tell a page that is shorter, whose end is then 0.
  ZSTD: (page, size) => inflateZstd(page, new Uint8Array(size)),
};

export function isReadable(codec: string): boolean {
  return Object.hasOwn(CODECS, codec);
}

/** A page of `size` bytes. Throws when the compressed ones hold another number, or claim one beyond reason. */
export function inflatePage(codec: string, page: Uint8Array, size: number): Uint8Array {
  if (!(size >= 0 && size <= Math.min(LARGEST_PAGE, (page.length + 16) * MOST_SHRUNK))) {
    throw new RangeError(`a page of ${String(page.length)} bytes claims to hold ${String(size)}`);
  }
  const inflated = CODECS[codec]?.(page, size);
  if (inflated?.length !== size) {
    throw new RangeError(
      `a page holds ${String(inflated?.length)} bytes, expected ${String(size)}`,
    );
  }
  return inflated;
}

/** Snappy (https://github.com/google/snappy/blob/main/format_description.txt): literals, and copies of what came before. */
function inflateSnappy(page: Uint8Array, size: number): Uint8Array {
  const output = new Uint8Array(size);
  // The length, which the page's header says too.
  let at = 1 + page.findIndex((byte) => byte < 0x80);
  let end = 0;
  const number = (bytes: number): number => {
    let value = 0;
    for (let i = 0; i < bytes; i += 1) value += (page[at + i] ?? 0) * 2 ** (8 * i);
    at += bytes;
    return value;
  };
  while (at < page.length) {
    const tag = page[at] as number;
    at += 1;
    const kind = tag & 3;
    if (kind === 0) {
      const short = tag >> 2;
      const length = 1 + (short < 60 ? short : number(short - 59));
      if (at + length > page.length || end + length > size) break;
      output.set(page.subarray(at, at + length), end);
      at += length;
      end += length;
    } else {
      const length = kind === 1 ? 4 + ((tag >> 2) & 7) : 1 + (tag >> 2);
      const distance = kind === 1 ? (tag >> 5) * 256 + number(1) : number(kind === 2 ? 2 : 4);
      if (distance === 0 || distance > end || end + length > size) break;
      // Byte by byte where a copy repeats itself.
      if (distance >= length) output.copyWithin(end, end - distance, end - distance + length);
      else for (let i = end; i < end + length; i += 1) output[i] = output[i - distance] as number;
      end += length;
    }
  }
  if (at !== page.length || end !== size) throw new RangeError('a page is no valid Snappy');
  return output;
}
