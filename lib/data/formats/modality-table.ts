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
  /** For messages: the labels' file, and where an example stands there. */
  readonly file: string;
  readonly placeOf: (row: number) => string;
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
  readonly #unit: 'line' | 'row';
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

  /** Messages count rows of the file in lines, or in rows where it has none. */
  constructor(
    file: string,
    name: string,
    examples: KnownExamples,
    nonFinite: 'error' | 'mean',
    unit: 'line' | 'row' = 'line',
  ) {
    this.#file = file;
    this.#unit = unit;
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
    const frame = this.#frameColumn < 0 ? null : (cells[this.#frameColumn] ?? '').trim();
    const cellOf = (feature: number): string => cells[this.#places[feature] as number] ?? '';
    const valueOf = (feature: number): number | null => {
      const cell = cellOf(feature);
      const value = parseNumber(cell);
      if (value !== undefined) return value;
      if (cell.trim() === '') return null;
      throw this.#cellError(
        id,
        line,
        feature,
        cell,
        'expected a number, or nothing for a missing value',
      );
    };
    this.add(id, frame, line, valueOf, cellOf);
  }

  /** Names of the feature columns, once columns() was called. */
  get features(): readonly string[] {
    return this.#names;
  }

  /**
   * One row: its id, its frame's number as text (null where there is no column of them), its line, the value of each
   * feature, null for a missing one, and how messages show it. Throws ERR_CMIR_DATA for an id that is unknown or
   * comes again, and for frames out of order.
   */
  add(
    id: string,
    frame: string | null,
    line: number,
    valueOf: (feature: number) => number | null,
    cellOf: (feature: number) => string = (feature) => String(valueOf(feature)),
  ): void {
    const example = this.#exampleOf.get(id);
    if (example === undefined) {
      throw this.#rowError(
        id,
        line,
        `found an id that ${this.#examples.file} does not have, expected one of its ids`,
      );
    }
    if (frame === null) {
      if (this.#met[example] === 1) {
        throw this.#rowError(id, line, 'found the id a second time, expected it once');
      }
    } else {
      const isEmpty = (): boolean => this.#names.every((_, feature) => valueOf(feature) === null);
      const hasNone = frame === '' && this.#met[example] === 0 && isEmpty();
      if (!hasNone) this.#checkFrame(example, frame, id, line);
      this.#met[example] = 1;
      if (hasNone) return;
    }
    this.#met[example] = 1;
    if (this.#count[example] === 0) this.#first[example] = this.#rows;
    this.#count[example] = (this.#count[example] as number) + 1;
    this.#readFeatures(id, line, valueOf, cellOf);
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

  #checkFrame(example: number, frame: string, id: string, line: number): void {
    const seen = this.#count[example] as number;
    const hasNone = this.#met[example] === 1 && seen === 0;
    if (frame !== String(seen) || hasNone) {
      const expected = hasNone ? 'none after an empty one' : `${String(seen)}: frames count from 0`;
      throw this.#rowError(id, line, `found frame ${quoteCell(frame)}, expected ${expected}`);
    }
    if (seen > 0 && this.#last !== example) {
      throw this.#rowError(
        id,
        line,
        'found a frame apart from the others of its id, expected them together',
      );
    }
  }

  #readFeatures(
    id: string,
    line: number,
    valueOf: (feature: number) => number | null,
    cellOf: (feature: number) => string,
  ): void {
    const features = this.#names.length;
    const begin = this.#rows * features;
    if (begin + features > this.#values.length) this.#grow(begin + features);
    for (let feature = 0; feature < features; feature += 1) {
      const value = valueOf(feature);
      if (value === null) {
        this.#missing += 1;
      } else if (this.#refuse && !Number.isFinite(Math.fround(value))) {
        throw this.#cellError(id, line, feature, cellOf(feature), NON_FINITE_ADVICE);
      }
      this.#values[begin + feature] = value ?? NaN;
    }
    this.#rows += 1;
  }

  #rowError(id: string, line: number, problem: string): CmirError {
    const place = placeOf(this.#file, line, id, this.#unit);
    return new CmirError('ERR_CMIR_DATA', `${place}: ${problem}`);
  }

  #cellError(id: string, line: number, feature: number, cell: string, expected: string): CmirError {
    const where = `${placeOf(this.#file, line, id, this.#unit)}, column ${this.#names[feature] ?? ''}`;
    return new CmirError('ERR_CMIR_DATA', `${where}: found ${quoteCell(cell)}, ${expected}`);
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
      const { ids, placeOf: labelPlace } = this.#examples;
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${this.#file}: found no row for id ${ids[row] ?? ''} (${labelPlace(row)})${others}, ` +
          `expected one for each of its ${String(ids.length)} ids`,
      );
    }
  }
}
