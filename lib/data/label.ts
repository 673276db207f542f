import { CmirError } from '../errors';
import { closestTo } from '../suggest';
import { listNames, parseNumber, quoteCell } from './cells';
import type { Dataset, Label } from './dataset';
import type { ResolvedLoadOptions } from './options';
import { shortest } from './storage/shortest';

/** Columns taken as the label where none is named, first come first. */
export const LABEL_COLUMNS = ['label', 'sentiment', 'emotion', 'humor', 'sarcasm'] as const;

/** More classes than this in a column of integers look like a quantity. */
const MOST_GUESSED_CLASSES = 20;

/**
 * The label column among `columns`: `label`, or where that is null the first present of LABEL_COLUMNS.
 * Null when there is none and labels are not required; else ERR_CMIR_DATA, listing the columns.
 */
export function findLabelColumn(
  file: string,
  columns: readonly string[],
  { label, requireLabel }: ResolvedLoadOptions,
): string | null {
  const candidates = columns.filter((name) => name !== 'id' && name !== 'split');
  const found =
    label === null
      ? LABEL_COLUMNS.find((name) => candidates.includes(name))
      : candidates.find((name) => name === label);
  if (found !== undefined) return found;
  if (!requireLabel) return null;
  const nearest = label === null ? undefined : closestTo(label, candidates);
  const meant = nearest === undefined ? '' : `; is '${nearest}' meant?`;
  const expected = label === null ? `one of ${LABEL_COLUMNS.join(', ')}` : `'${label}'`;
  const there = candidates.length === 0 ? 'none' : listNames(candidates);
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${file}: found no label column, expected ${expected}; columns besides id and split: ${there}${meant}` +
      `; name the column with data.label`,
  );
}

/**
 * Turns label cells, texts or numbers, into values or class indices.
 * `auto` takes words, and integers that are exactly 0..C-1 with 2 <= C <= 20, for classes, other numbers for
 * regression. Classes are sorted, numbers by value and words by code unit; a number's class name is its
 * shortest decimal, so that 1 and 1.0 are one class.
 * Returns null where a cell is empty and labels are not required. Throws ERR_CMIR_DATA, with `where` of the row,
 * for an empty cell, NaN or infinity, a word among numbers (unless classification is asked for), a number beyond
 * float32, or a label that is none of `options.classes`.
 */
export function makeLabel(
  name: string,
  cells: readonly string[] | Float64Array,
  options: ResolvedLoadOptions,
  where: (row: number) => string,
): Label | null {
  const isTyped = cells instanceof Float64Array;
  const textOf = (row: number): string =>
    isTyped ? String(cells[row]) : (cells[row] ?? '').trim();
  const fail = (row: number, expected: string): never => {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where(row)}, label '${name}': found ${quoteCell(textOf(row))}, expected ${expected}`,
    );
  };

  const empty = isTyped ? -1 : cells.findIndex((cell) => cell.trim() === '');
  if (empty >= 0) return options.requireLabel ? fail(empty, 'a label') : null;

  const numbers: ArrayLike<number | undefined> = isTyped ? cells : cells.map(parseNumber);
  const infinite = findRow(numbers, (n) => n !== undefined && !Number.isFinite(Math.fround(n)));
  if (infinite >= 0) return fail(infinite, 'a finite number');

  const word = isTyped ? -1 : findRow(numbers, (n) => n === undefined);
  const namesOf = (): string[] =>
    Array.from(numbers, (number, row) =>
      classNameOf(number === undefined ? textOf(row) : '', number),
    );
  if (options.classes !== null && options.task !== 'regression') {
    return indexClasses(name, namesOf(), options.classes, (row) =>
      fail(row, `one of the classes ${listNames(options.classes ?? [])}`),
    );
  }
  if (word >= 0 && options.task === 'regression') return fail(word, 'a number');
  if (word >= 0 && options.task === 'auto' && findRow(numbers, (n) => n !== undefined) >= 0) {
    return fail(word, 'a number as in other rows; for named classes set task to classification');
  }
  if (word < 0 && options.task !== 'classification') {
    const values = new Float32Array(numbers as ArrayLike<number>);
    if (options.task === 'regression' || !areClassIndices(values)) {
      return { name, task: 'regression', values };
    }
  }
  const names = namesOf();
  return indexClasses(name, names, sortClasses(names, word < 0), () => undefined);
}

/** The first row that fits, or -1. */
function findRow(
  numbers: ArrayLike<number | undefined>,
  fits: (number: number | undefined) => boolean,
): number {
  for (let row = 0; row < numbers.length; row += 1) if (fits(numbers[row])) return row;
  return -1;
}

function classNameOf(text: string, number: number | undefined): string {
  // Adding 0 makes -0 the class 0.
  return number === undefined ? text : String(number + 0);
}

function areClassIndices(values: Float32Array): boolean {
  const distinct = new Set<number>();
  for (const value of values) {
    distinct.add(value);
    if (distinct.size > MOST_GUESSED_CLASSES) return false;
  }
  return (
    distinct.size >= 2 &&
    [...distinct].every((value) => Number.isInteger(value) && value >= 0 && value < distinct.size)
  );
}

function sortClasses(names: readonly string[], numeric: boolean): string[] {
  const distinct = [...new Set(names)];
  return numeric ? distinct.sort((a, b) => Number(a) - Number(b)) : distinct.sort();
}

function indexClasses(
  name: string,
  names: readonly string[],
  classes: readonly string[],
  unknown: (row: number) => void,
): Label {
  const indexOf = new Map(classes.map((className, index) => [className, index]));
  const values = Float32Array.from(names, (className, row) => {
    const index = indexOf.get(className);
    if (index === undefined) unknown(row);
    return index ?? NaN;
  });
  return { name, task: 'classification', values, classes };
}

/** A label's column as text, as a file holds it: values as the shortest decimals of float32, or class names. */
export function labelCells(label: Label | null): Record<string, string[]> {
  if (label === null) return {};
  const { name, values, classes } = label;
  const cells = Array.from(values, (value) =>
    classes === undefined ? shortest(value, true) : (classes[value] as string),
  );
  return { [name]: cells };
}

/** The columns of a table of labels: id, split where there are any, label, then the others. */
export function labelColumns(dataset: Dataset): Map<string, readonly string[]> {
  const splits = new Array<string>(dataset.size).fill('');
  for (const [name, rows] of dataset.splits) for (const row of rows) splits[row] = name;
  return new Map<string, readonly string[]>([
    ['id', dataset.ids],
    ...(dataset.splits.size > 0 ? [['split', splits] as const] : []),
    ...Object.entries(labelCells(dataset.label)),
    ...Object.entries(dataset.metadata),
  ]);
}
