import { CmirError } from '../../errors';
import type { Field, FrameList } from '../parts';
import {
  describeValue,
  PickleArray,
  PickleBytes,
  PickleTuple,
  StoredText,
  type PickleObjects,
  type PickleValue,
} from '../pickle';
import { stackArrays } from '../pickle/stacked';
import { describeShape, StoredArray, type TextArray } from '../storage/array';
import { MemoryBytes, type Bytes } from '../storage/bytes';
import { newTextBudget } from '../storage/npy-text';

/** What a value that is no field looks like, for a message. */
export interface Misfit {
  readonly found: string;
}

type Text = string | StoredText | PickleBytes | null;
type Numeric = number | bigint | boolean | null;

/** Axes of lists within lists. */
const DEEPEST = 4;
/** Values beyond so many times the file's size are the same ones over and over. */
const MOST_EXPANSION = 8;

/** Makes fields of what a pickle holds: arrays, lists of rows, lists of texts or numbers. */
export class FieldReader {
  readonly #file: Bytes;
  readonly #texts = newTextBudget();
  #left: number;

  constructor(file: Bytes) {
    this.#file = file;
    this.#left = MOST_EXPANSION * file.size + 2 ** 20;
  }

  /** Throws ERR_CMIR_DATA that says what was found at a path such as train.audio. */
  fail(path: string, found: string, expected: string): never {
    const where = path === '' ? this.#file.name : `${this.#file.name}, ${path}`;
    throw new CmirError('ERR_CMIR_DATA', `${where}: found ${found}, expected ${expected}`);
  }

  /** One entry of the value an example. */
  async field(value: PickleValue): Promise<Field | Misfit> {
    if (value instanceof PickleArray) return this.#arrayField(value);
    const items = itemsOf(value);
    return items === null ? { found: describeValue(value) } : this.rows(items);
  }

  /** One item an example: texts, numbers, or arrays and lists of numbers, of which 2-D ones may differ in length. */
  async rows(items: readonly PickleValue[]): Promise<Field | Misfit> {
    if (items.length === 0) return { found: 'an empty list' };
    const flat = await this.#flat(items, [items.length]);
    if (flat !== null) return flat;
    const rows: (StoredArray | readonly string[])[] = [];
    for (const item of items) {
      const row = await this.row(item);
      if (row === null) return { found: describeValue(items as PickleValue[]) };
      rows.push(row);
    }
    if (rows.every((row) => row instanceof StoredArray)) return this.#combine(rows);
    if (rows.some((row) => row instanceof StoredArray)) {
      return { found: describeValue(items as PickleValue[]) };
    }
    return joinRows(rows as (readonly string[])[]);
  }

  /** Frames of each example, whatever their number; or their features, where they are not sequences. */
  async frames(items: readonly PickleValue[]): Promise<Field | Misfit> {
    const arrays: StoredArray[] = [];
    for (const item of items) {
      const row = await this.row(item);
      if (!(row instanceof StoredArray)) return { found: describeValue(item) };
      arrays.push(row);
    }
    return arrays.every(({ shape }) => shape.length === 2)
      ? { kind: 'frames', arrays }
      : this.#combine(arrays);
  }

  /** An array of numbers, or words; null for what is neither. */
  async row(value: PickleValue, depth = 1): Promise<StoredArray | readonly string[] | null> {
    if (value instanceof PickleArray) {
      const field = await this.#arrayField(value);
      if ('found' in field || field.kind === 'frames') return null;
      return field.kind === 'texts' ? field.values : field;
    }
    const items = itemsOf(value);
    if (items === null || depth > DEEPEST) return null;
    const flat = await this.#flat(items, [items.length]);
    if (flat !== null) return flat.kind === 'texts' ? flat.values : flat;
    const rows: StoredArray[] = [];
    for (const item of items) {
      const row = await this.row(item, depth + 1);
      if (!(row instanceof StoredArray) || !isSameShape(row, rows[0] ?? row)) return null;
      rows.push(row);
    }
    return stackArrays(this.#file.name, rows);
  }

  /** Strings of texts; None is empty. */
  async text(value: Text): Promise<string> {
    if (value === null) return '';
    if (typeof value === 'string') return value;
    this.#take(value.length);
    if (value instanceof StoredText) return value.text();
    return new StoredText(value.bytes, value.offset, value.length, 'utf-8').text();
  }

  async #arrayField({ content }: PickleArray): Promise<Field | Misfit> {
    if (content === null) return { found: 'an array without content' };
    switch (content.kind) {
      case 'numbers':
        this.#take(content.byteLength + 8 * content.rows);
        return content;
      case 'stored texts':
        return content.read(this.#texts);
      case 'objects':
        return this.#objectsField(content);
    }
  }

  async #objectsField({ shape, values }: PickleObjects): Promise<Field | Misfit> {
    if (shape.length === 1) return this.rows(values);
    const flat = values.length === 0 ? null : await this.#flat(values, shape);
    return flat ?? { found: `objects [${shape.join(', ')}]` };
  }

  /** Numbers or texts alone; null for others. */
  async #flat(
    items: readonly PickleValue[],
    shape: readonly number[],
  ): Promise<StoredArray | TextArray | null> {
    this.#take(8 * items.length);
    if (items.every(isNumeric)) {
      const values = Float64Array.from(items, (item) => (item === null ? NaN : Number(item)));
      const bytes = new MemoryBytes(this.#file.name, littleEndian(values));
      return new StoredArray({ type: 'float64', shape }, bytes, 0);
    }
    if (!items.every(isText)) return null;
    const values: string[] = [];
    for (const item of items) values.push(await this.text(item));
    return { kind: 'texts', shape, values };
  }

  #combine(arrays: readonly StoredArray[]): StoredArray | FrameList | Misfit {
    const [first] = arrays as [StoredArray];
    if (arrays.every((array) => isSameShape(array, first))) {
      return stackArrays(this.#file.name, arrays);
    }
    if (arrays.every(({ shape }) => shape.length === 2)) return { kind: 'frames', arrays };
    const other = arrays.find((array) => !isSameShape(array, first)) as StoredArray;
    return {
      found: `arrays of several shapes, ${describeShape(first)} and ${describeShape(other)}`,
    };
  }

  /** Objects may be shared, so a small file could spell out values without end. */
  #take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) {
      this.fail('', 'the same values over and over', 'arrays and lists that stand for themselves');
    }
  }
}

/** The items of a list, a tuple or a one-dimensional array of objects. */
export function itemsOf(value: PickleValue | undefined): readonly PickleValue[] | null {
  if (Array.isArray(value)) return value;
  if (value instanceof PickleTuple) return value.items;
  if (!(value instanceof PickleArray) || value.content?.kind !== 'objects') return null;
  return value.content.shape.length === 1 ? value.content.values : null;
}

export function isText(value: PickleValue): value is Text {
  return (
    value === null ||
    typeof value === 'string' ||
    value instanceof StoredText ||
    value instanceof PickleBytes
  );
}

export function isNumeric(value: PickleValue): value is Numeric {
  return value === null || ['number', 'bigint', 'boolean'].includes(typeof value);
}

/** Words of each example: a column a word where all have equally many, else one text. */
function joinRows(rows: readonly (readonly string[])[]): TextArray {
  const width = rows[0]?.length ?? 0;
  if (width > 0 && rows.every(({ length }) => length === width)) {
    return { kind: 'texts', shape: [rows.length, width], values: rows.flat() };
  }
  return { kind: 'texts', shape: [rows.length], values: rows.map((row) => row.join(' ')) };
}

function isSameShape({ shape: a }: StoredArray, { shape: b }: StoredArray): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

function littleEndian(values: Float64Array): Buffer {
  const bytes = Buffer.alloc(values.byteLength);
  values.forEach((value, i) => bytes.writeDoubleLE(value, 8 * i));
  return bytes;
}
