import { elementsOf } from '../storage/array';
import { MemoryBytes, readBytes, type Bytes } from '../storage/bytes';
import { LARGEST_COPY } from './heap';
import { problemAt } from './problem';

/** Where elements lie in their bytes, row-major. */
export interface Elements {
  readonly bytes: Bytes;
  readonly offset: number;
  /** Bytes of one. */
  readonly width: number;
  readonly shape: readonly number[];
}

/**
 * The elements of an array whose axes are in another order: axis k of the result is axis `axes[k]` of what is
 * stored. They are put in order in memory when first read.
 */
export class PermutedBytes implements Bytes {
  readonly name: string;
  readonly size: number;
  readonly #elements: Elements;
  readonly #axes: readonly number[];
  #ordered: Promise<MemoryBytes> | null = null;

  /** Throws ERR_CMIR_DATA for more than memory is asked for. */
  constructor(elements: Elements, axes: readonly number[]) {
    this.name = elements.bytes.name;
    this.size = elementsOf(elements.shape) * elements.width;
    if (this.size > LARGEST_COPY) {
      throw problemAt(
        elements.bytes,
        elements.offset,
        `found ${String(this.size)} bytes of an array whose axes are permuted, ` +
          `expected at most ${String(LARGEST_COPY)}; in Python: numpy.ascontiguousarray(x)`,
      );
    }
    this.#elements = elements;
    this.#axes = axes;
  }

  async readInto(target: Uint8Array, position: number): Promise<void> {
    this.#ordered ??= this.#order();
    await (await this.#ordered).readInto(target, position);
  }

  async #order(): Promise<MemoryBytes> {
    const { bytes, offset, width, shape } = this.#elements;
    const source = await readBytes(bytes, offset, this.size);
    const target = Buffer.alloc(this.size);
    const lengths = this.#axes.map((axis) => shape[axis] as number);
    const strides = this.#axes.map((axis) => width * elementsOf(shape.slice(axis + 1)));
    const index = lengths.map(() => 0);
    let from = 0;
    for (let to = 0; to < this.size; to += width) {
      source.copy(target, to, from, from + width);
      // Counts up by one element, the last axis fastest.
      for (let axis = index.length - 1; axis >= 0; axis -= 1) {
        from += strides[axis] as number;
        index[axis] = (index[axis] as number) + 1;
        if (index[axis] !== lengths[axis]) break;
        from -= (strides[axis] as number) * (lengths[axis] as number);
        index[axis] = 0;
      }
    }
    return new MemoryBytes(this.name, target);
  }
}
