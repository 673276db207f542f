import { getHeapStatistics } from 'node:v8';

import type { Fail } from './stack';

/** Bytes that values take at most in V8; arrays grow with some room to spare. */
export const HEAP = {
  slot: 20,
  object: 96,
  list: 56,
  /** What the first item of a list asks for. */
  room: 152,
  dict: 216,
  entry: 88,
  array: 320,
};

/**
 * Most memory for values, the content of arrays left out: far from what ends the process, and so few of them that
 * no list grows beyond what V8 can hold.
 */
const MOST = Math.min(0.4 * getHeapStatistics().heap_size_limit, 1.25 * 2 ** 30);

/** Most bytes of an array's content that are made anew in memory: what a Buffer holds in every Node. */
export const LARGEST_COPY = 2 ** 32;

/** Keeps account of the memory that the values of a pickle take. */
export class Heap {
  readonly #fail: Fail;
  #taken = 0;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  take(bytes: number): void {
    this.#taken += bytes;
    this.check(0);
  }

  /** Whether it would do with `slots` more, which may be given back. */
  check(slots: number): void {
    if (this.#taken + slots * HEAP.slot <= MOST) return;
    this.#fail(
      `found lists, texts and other objects that take over ${String(Math.round(MOST / 2 ** 20))} MB of memory, ` +
        'expected numpy arrays instead: numpy.array(x, dtype=numpy.float32)',
    );
  }
}
