import { ELEMENT_BYTES, elementsOf, type ElementType, type TextArray } from './array';
import { npyHeader, npyType } from './npy';
import { encodeTexts } from './npy-text';
import { ZipWriter } from './zip-write';

/** Numbers to be written: their bytes, row-major and little-endian, in as many chunks as they come. */
export interface ArraySource {
  readonly kind: 'source';
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly chunks: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Writes arrays by name into an NPZ file, which must not be there, as numpy.savez does: stored, one after another.
 * Numbers are mapped as they lie there. A text loses the NUL characters at its end, as in NumPy.
 */
export async function writeNpz(
  path: string,
  arrays: Iterable<readonly [string, ArraySource | TextArray]>,
): Promise<void> {
  await using zip = await ZipWriter.create(path);
  for (const [name, array] of arrays) {
    const { descr, byteLength, chunks } =
      array.kind === 'texts' ? encodeTexts(array.values) : encodeNumbers(array);
    const header = npyHeader(descr, array.shape);
    await zip.add(`${name}.npy`, header.length + byteLength, prefixed(header, chunks()));
  }
  await zip.finish();
}

function encodeNumbers({ type, shape, chunks }: ArraySource): {
  readonly descr: string;
  readonly byteLength: number;
  readonly chunks: ArraySource['chunks'];
} {
  return { descr: npyType(type), byteLength: elementsOf(shape) * ELEMENT_BYTES[type], chunks };
}

async function* prefixed(
  first: Uint8Array,
  rest: ReturnType<ArraySource['chunks']>,
): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}
