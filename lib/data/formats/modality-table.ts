import { CmirError } from '../../errors';
import { parseNumber, quoteCell } from '../cells';
import { NON_FINITE_ADVICE } from '../check';
import { placeOf, rowError, type TableVisitor } from '../csv';
import type { Modality } from '../dataset';

/** Of a sequence: the number of a row's frame within its example, from 0; empty for an example without frames. */
export const FRAME_COLUMN = 'frame';

/** What the table of labels says of the examples that a modality's table must have. */
export interface KnownExamples {
  readonly ids: readonly string[];
  /** For messages: the labels' file, and the line of an example there. */
  readonly file: string;
  readonly lineOf: (row: number) => number;
}

/**
 * Takes the rows of one modality's table: `id` and features, one row an example; or, where there is a column
 * `frame`, one row a frame, those of an example together and in order. An empty cell is a missing value.
 */
export class ModalityTable implements TableVisitor {
  readonly #file: string;
  readonly #name: string;
  readonly #examples: KnownExamples;
  readonly #refuse: boolean;
  readonly #exampleOf: ReadonlyMap<string, number>;
  /** First row and number of rows of each example that is met. */
  readonly #first: Float64Array;
  readonly #count: Float64Array;
  readonly #met: Uint8Array;
  /** Places of the feature columns among all. */
  #places: readonly number[] = [];
  #names: readonly string[] = [];
  #frameColumn = -1;
  #values = new Float32Array(0);
  #rows = 0;
  #last = -1;
  /** Empty cells. */
  #missing = 0;

  constructor(file: string, name: string, examples: KnownExamples, nonFinite: 'error' | 'mean') {
    this.#file = file;
    this.#name = name;
    this.#examples = examples;
    this.#refuse = nonFinite === 'error';
    this.#exampleOf = new Map(examples.ids.map((id, row) => [id, row]));
    this.#first = new Float64Array(examples.ids.length);
    this.#count = new Float64Array(examples.ids.length);
    this.#met = new Uint8Array(examples.ids.length);
  }

  columns(names: readonly string[]): boolean {
    this.#frameColumn = names.indexOf(FRAME_COLUMN);
    const isFeature = (name: string): boolean => name !== 'id' && name !== FRAME_COLUMN;
    this.#names = names.filter(isFeature);
    this.#places = this.#names.map((name) => names.indexOf(name));
    if (this.#names.length === 0) {
      throw rowError(this.#file, 1, null, 'found only the id column, expected features beside it');
    }
    return this.#frameColumn >= 0;
  }

  row(id: string, cells: readonly string[], line: number): void {
    const example = this.#exampleOf.get(id);
    if (example === undefined) {
      throw rowError(
        this.#file,
        line,
        id,
        `found an id that ${this.#examples.file} does not have, expected one of its ids`,
      );
    }
    const isRow = this.#frameColumn < 0 || this.#isFrame(example, cells, id, line);
    this.#met[example] = 1;
    if (!isRow) return;
    if (this.#count[example] === 0) this.#first[example] = this.#rows;
    this.#count[example] = (this.#count[example] as number) + 1;
    this.#readFeatures(id, cells, line);
    this.#last = example;
  }

  /** The modality, its rows in the order of the examples. Throws ERR_CMIR_DATA for an example it has no row of. */
  finish(): Modality {
    this.#checkComplete();
    const features = this.#names.length;
    const used = this.#values.subarray(0, this.#rows * features);
    const fields = {
      name: this.#name,
      features,
      columns: this.#names,
      ...(this.#missing > 0 ? { nanIsMissing: true } : {}),
    };
    let rows = 0;
    const offsets = Float64Array.from({ length: this.#count.length + 1 }, (_, i) =>
      i === 0 ? 0 : (rows += this.#count[i - 1] as number),
    );
    const sequence = this.#frameColumn >= 0 ? { offsets } : {};
    const inOrder = this.#first.every((row, i) => this.#count[i] === 0 || row === offsets[i]);
    if (inOrder) return { ...fields, values: used, ...sequence };
    const values = new Float32Array(used.length);
    this.#first.forEach((first, i) => {
      const end = first + (this.#count[i] as number);
      values.set(
        used.subarray(first * features, end * features),
        (offsets[i] as number) * features,
      );
    });
    return { ...fields, values, ...sequence };
  }

  /** What there is to say of the table besides its values. */
  notes(): string[] {
    if (this.#missing === 0) return [];
    const cells =
      this.#missing === 1 ? '1 empty cell counts' : `${String(this.#missing)} empty cells count`;
    return [`${this.#name}: ${cells} as the training mean`];
  }

  /** Whether the row is a frame; else it says that its example has none. */
  #isFrame(example: number, cells: readonly string[], id: string, line: number): boolean {
    const cell = (cells[this.#frameColumn] ?? '').trim();
    const seen = this.#count[example] as number;
    const hasNone = this.#met[example] === 1 && seen === 0;
    const isEmpty = this.#places.every((place) => (cells[place] ?? '').trim() === '');
    if (cell === '' && isEmpty && this.#met[example] === 0) return false;
    if (cell !== String(seen) || hasNone) {
      throw rowError(
        this.#file,
        line,
        id,
        `found frame ${quoteCell(cell)}, expected ${hasNone ? 'none after an empty one' : `${String(seen)}: frames count from 0`}`,
      );
    }
    if (seen > 0 && this.#last !== example) {
      throw rowError(
        this.#file,
        line,
        id,
        'found a frame apart from the others of its id, expected them together',
      );
    }
    return true;
  }

  #readFeatures(id: string, cells: readonly string[], line: number): void {
    const features = this.#places.length;
    const begin = this.#rows * features;
    if (begin + features > this.#values.length) this.#grow(begin + features);
    this.#places.forEach((place, feature) => {
      const cell = cells[place] ?? '';
      let value = parseNumber(cell);
      if (value === undefined && cell.trim() === '') {
        this.#missing += 1;
        value = NaN;
      } else if (value === undefined || (this.#refuse && !Number.isFinite(Math.fround(value)))) {
        const where = `${placeOf(this.#file, line, id)}, column ${this.#names[feature] ?? ''}`;
        const expected =
          value === undefined
            ? 'expected a number, or nothing for a missing value'
            : NON_FINITE_ADVICE;
        throw new CmirError('ERR_CMIR_DATA', `${where}: found ${quoteCell(cell)}, ${expected}`);
      }
      this.#values[begin + feature] = value;
    });
    this.#rows += 1;
  }

  #grow(needed: number): void {
    const expected = this.#examples.ids.length * this.#places.length;
    const values = new Float32Array(Math.max(needed, expected, 2 * this.#values.length));
    values.set(this.#values);
    this.#values = values;
  }

  #checkComplete(): void {
    const row = this.#met.indexOf(0);
    if (row >= 0) {
      const absent = this.#met.reduce((sum, met) => sum + (1 - met), 0);
      const others = absent === 1 ? '' : ` and ${String(absent - 1)} other ids`;
      const { ids, file, lineOf } = this.#examples;
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${this.#file}: found no row for id ${ids[row] ?? ''} (${file}, line ${String(lineOf(row))})${others}, ` +
          `expected one for each of its ${String(ids.length)} ids`,
      );
    }
  }
}
