import type { PickleValue } from './values';

/** Throws ERR_CMIR_DATA. */
export type Fail = (problem: string) => never;

/** The values that opcodes work on, with marks among them, and the memo of those that are used again. */
export class Stack {
  readonly #fail: Fail;
  readonly #values: PickleValue[] = [];
  /** Heights at each mark; what is below the last is out of reach. */
  readonly #marks: number[] = [];
  #floor = 0;
  readonly #memo: (PickleValue | undefined)[] = [];
  #memoized = 0;

  constructor(fail: Fail) {
    this.#fail = fail;
  }

  /** Places taken, by marks and the memo too. */
  get slots(): number {
    return this.#values.length + this.#marks.length + this.#memo.length;
  }

  push(value: PickleValue): void {
    this.#values.push(value);
  }

  /** The value under `depth` others. */
  peek(depth = 0): PickleValue {
    const place = this.#values.length - 1 - depth;
    if (place < this.#floor) this.#fail('expected a value on the stack (damaged?)');
    return this.#values[place] as PickleValue;
  }

  pop(): PickleValue {
    const value = this.peek();
    this.#values.pop();
    return value;
  }

  popSome(count: number): PickleValue[] {
    this.peek(count - 1);
    return this.#values.splice(-count);
  }

  mark(): void {
    this.#floor = this.#values.length;
    this.#marks.push(this.#floor);
  }

  /** What is above the last mark. */
  popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) this.#fail('expected a mark on the stack (damaged?)');
    this.#floor = this.#marks.at(-1) ?? 0;
    return this.#values.splice(height);
  }

  /** Takes the topmost value away, or the mark, where that is above it. */
  drop(): void {
    if (this.#marks.length > 0 && this.#values.length === this.#floor) this.popMark();
    else this.pop();
  }

  /** The one value that is left in the end. */
  last(): PickleValue {
    if (this.#values.length !== 1 || this.#marks.length > 0) {
      this.#fail(`found ${String(this.#values.length)} values at the end, expected 1 (damaged?)`);
    }
    return this.#values[0] as PickleValue;
  }

  memoize(): void {
    this.put(this.#memoized, Infinity);
  }

  put(key: number, most: number): void {
    if (key > most)
      this.#fail(`found memo key ${String(key)}, expected fewer than there are bytes`);
    if (this.#memo[key] === undefined) this.#memoized += 1;
    this.#memo[key] = this.peek();
  }

  get(key: number): PickleValue {
    const value = this.#memo[key];
    if (value === undefined) this.#fail(`found nothing under memo key ${String(key)} (damaged?)`);
    return value;
  }
}
