import { decompress as inflateZstd } from 'fzstd';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

interface Codec {
  readonly inflate: (page: Uint8Array, size: number) => Uint8Array;
  /** Bytes that one compressed byte may stand for at most; what claims more is made to fill memory. */
  readonly mostShrunk: number;
}

/** Ways of compressing that are read. */
const CODECS: ReadonlyMap<string, Codec> = new Map([
  ['UNCOMPRESSED', { inflate: (page) => page, mostShrunk: 1 }],
  // A copy of 64 bytes takes 3.
  ['SNAPPY', { inflate: inflateSnappy, mostShrunk: 64 / 3 }],
  // A match of 258 bytes takes 2 bits.
  [
    'GZIP',
    {
      inflate: (page, size) => gunzipSync(page, { maxOutputLength: Math.max(1, size) }),
      mostShrunk: 258 * 4,
    },
  ],
  [
    'BROTLI',
    {
      inflate: (page, size) => brotliDecompressSync(page, { maxOutputLength: Math.max(1, size) }),
      mostShrunk: 2 ** 15,
    },
  ],
  // A block of 128 KiB takes 4 bytes. A page that is shorter is not told: its end is 0 then.
  [
    'ZSTD',
    { inflate: (page, size) => inflateZstd(page, new Uint8Array(size)), mostShrunk: 2 ** 15 },
  ],
]);

const LARGEST_PAGE = 2 ** 30;

export function isReadable(codec: string): boolean {
  return CODECS.has(codec);
}

/** A page of `size` bytes. Throws when the compressed ones hold another number, or claim one beyond reason. */
export function inflatePage(name: string, page: Uint8Array, size: number): Uint8Array {
  const codec = CODECS.get(name);
  if (codec === undefined) throw new RangeError(`a page is compressed with ${name}`);
  const most = Math.min(LARGEST_PAGE, (page.length + SMALL) * codec.mostShrunk);
  if (!(size >= 0 && size <= most)) {
    throw new RangeError(`a page of ${String(page.length)} bytes claims to hold ${String(size)}`);
  }
  const inflated = codec.inflate(page, size);
  if (inflated.length !== size) {
    throw new RangeError(`a page holds ${String(inflated.length)} bytes, expected ${String(size)}`);
  }
  return inflated;
}

/** What a few bytes may stand for needs no exact bound. */
const SMALL = 16;

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
