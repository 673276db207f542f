import type { StoredArray } from '../storage/array';
import type { Bytes } from '../storage/bytes';
import type { Dtype, StoredTexts } from './numpy';
import type { StoredText } from './text';

/**
 * What a pickle holds. Integers beyond 2^53 are bigint; lists are arrays. Objects may be shared, even within
 * themselves, as in Python: whoever walks a value bounds depth and number of steps.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | StoredText
  | PickleBytes
  | PickleTuple
  | PickleValue[]
  | PickleDict
  | PickleSet
  | PickleArray
  | PickleDtype
  | PickleGlobal;

/** bytes, or a bytearray: where they lie. */
export class PickleBytes {
  constructor(
    readonly bytes: Bytes,
    readonly offset: number,
    readonly length: number,
  ) {}
}

export class PickleTuple {
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A dict, OrderedDict or defaultdict. Equal texts or numbers are one key; other keys are told by identity. */
export class PickleDict {
  // Made with the first entry: a Map takes near 200 bytes, an empty dict one byte of a file.
  #entries: Map<PickleValue, PickleValue> | null = null;

  get size(): number {
    return this.#entries?.size ?? 0;
  }

  get(key: PickleValue): PickleValue | undefined {
    return this.#entries?.get(key);
  }

  set(key: PickleValue, value: PickleValue): void {
    this.#entries ??= new Map();
    this.#entries.set(key, value);
  }

  [Symbol.iterator](): Iterator<[PickleValue, PickleValue]> {
    return (this.#entries ?? new Map<PickleValue, PickleValue>())[Symbol.iterator]();
  }
}

/** A set or frozenset; its values are not compared with one another. */
export class PickleSet {
  // A list is made with the first value, for the same reason.
  #items: PickleValue[] | null;

  constructor(
    items: PickleValue[] | null,
    readonly isFrozen: boolean,
  ) {
    this.#items = items;
  }

  get items(): readonly PickleValue[] {
    return this.#items ?? [];
  }

  add(items: readonly PickleValue[]): void {
    this.#items ??= [];
    for (const item of items) this.#items.push(item);
  }
}

/** A numpy array of objects, in row-major order. */
export interface PickleObjects {
  readonly kind: 'objects';
  readonly shape: readonly number[];
  readonly values: readonly PickleValue[];
}

/** A numpy array. */
export class PickleArray {
  /** Null until its state is met. */
  content: StoredArray | StoredTexts | PickleObjects | null = null;
}

/** A numpy dtype. */
export class PickleDtype {
  constructor(
    public type: Dtype,
    public bigEndian: boolean,
  ) {}
}

/** A function or class, by name only. */
export class PickleGlobal {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}
