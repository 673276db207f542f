import type { SchemaElement } from 'hyparquet' with { 'resolution-mode': 'import' };

import { CmirError, messageOf } from '../../../errors';
import { halfOf } from '../array';
import { shortest } from '../shortest';
import type { StoredColumn, StoredValues } from './pages';

/** How one stored value reads, as text and, where it is one, as a number. */
interface Reading {
  readonly text: (value: never) => string;
  /** Null for what is no number. */
  readonly number: ((value: never) => number) | null;
  /** Whether float32 holds all of its numbers. */
  readonly single?: boolean;
}

/** A column in one row group: its cells as text, or as numbers. */
export class ParquetColumn {
  readonly #values: StoredValues;
  readonly #nulls: Uint8Array | null;
  readonly #reading: Reading;
  readonly #where: string;

  /** `reading` from readingOf(), for the type of the column; `where` is what messages begin with. */
  constructor({ values, nulls }: StoredColumn, reading: Reading, where: string) {
    this.#where = where;
    this.#values = values;
    this.#nulls = nulls;
    this.#reading = reading;
  }

  get length(): number {
    return this.#values.length;
  }

  /** Whether a cell holds nothing. */
  isNull(row: number): boolean {
    return this.#nulls?.[row] === 1;
  }

  /**
   * Cells as a CSV file has them: numbers as the shortest decimal that reads back as the same float32 or float64,
   * integers in full, truth values as true and false, days and times as in ISO 8601; nothing where a cell is null.
   * Throws ERR_CMIR_DATA, naming file, column and row, for a cell that is no UTF-8, or no day or time.
   */
  texts(): string[] {
    // Cells from a dictionary are the same object.
    const known = new Map<unknown, string>();
    return Array.from({ length: this.length }, (_, row) => {
      if (this.isNull(row)) return '';
      const value = this.#values[row];
      if (typeof value !== 'object') return this.#text(value, row);
      const cell = known.get(value) ?? this.#text(value, row);
      known.set(value, cell);
      return cell;
    });
  }

  #text(value: unknown, row: number): string {
    try {
      return this.#reading.text(value as never);
    } catch (cause) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${this.#where}, row ${String(row)}: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
  }

  /**
   * Cells as numbers, NaN where a cell is null; a Float32Array where that loses nothing. Integers beyond 2^53 are
   * rounded. Null for a column of texts.
   */
  numbers(): Float32Array | Float64Array | null {
    const { number, single } = this.#reading;
    if (number === null) return null;
    const values = this.#values;
    const isCopy = values instanceof Float32Array || values instanceof Float64Array;
    const numbers = isCopy
      ? values.slice()
      : new (single ? Float32Array : Float64Array)(this.length);
    for (let row = 0; row < numbers.length; row += 1) {
      if (this.isNull(row)) numbers[row] = NaN;
      else if (!isCopy) numbers[row] = number(values[row] as never);
    }
    return numbers;
  }
}

/**
 * How the cells of a type read: its logical type where it has one
 * (https://github.com/apache/parquet-format/blob/master/LogicalTypes.md). Null for types that are not read.
 */
export function readingOf(element: SchemaElement): Reading | null {
  const { type, converted_type: converted, logical_type: logical } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return decimals(element);
  if (converted === 'DATE' || logical?.type === 'DATE') return type === 'INT32' ? DAYS : null;
  const unit = logical?.type === 'TIMESTAMP' ? logical.unit : UNITS.get(converted);
  if (unit !== undefined) return type === 'INT64' ? times(DIGITS[unit]) : null;
  if (logical?.type === 'FLOAT16') return element.type_length === 2 ? HALVES : null;
  if (UNREAD.has(converted ?? '') || UNREAD.has(logical?.type ?? '')) return null;
  const isUnsigned =
    converted?.startsWith('UINT_') === true || (logical?.type === 'INTEGER' && !logical.isSigned);
  switch (type) {
    case 'BOOLEAN':
      return { text: (bit: number) => (bit === 1 ? 'true' : 'false'), number: Number };
    case 'FLOAT':
      return { text: (value: number) => shortest(value, true), number: Number, single: true };
    case 'DOUBLE':
      return { text: (value: number) => shortest(value, false), number: Number };
    case 'INT32': {
      const integer = (value: number): number => (isUnsigned ? value >>> 0 : value);
      return { text: (value: number) => String(integer(value)), number: integer };
    }
    case 'INT64': {
      const integer = (value: bigint): bigint => (isUnsigned ? BigInt.asUintN(64, value) : value);
      return { text: (value) => String(integer(value)), number: (value) => Number(integer(value)) };
    }
    case 'BYTE_ARRAY':
      return { text: decodeUtf8, number: null };
    default:
      return null;
  }
}

/** Logical types whose cells a table of this package cannot hold. */
const UNREAD: ReadonlySet<string> = new Set([
  ...['BSON', 'INTERVAL', 'TIME', 'TIME_MILLIS', 'TIME_MICROS', 'UUID'],
  ...['VARIANT', 'GEOMETRY', 'GEOGRAPHY'],
]);

const UNITS = new Map<unknown, 'MILLIS' | 'MICROS'>([
  ['TIMESTAMP_MILLIS', 'MILLIS'],
  ['TIMESTAMP_MICROS', 'MICROS'],
]);
const DIGITS = { MILLIS: 3, MICROS: 6, NANOS: 9 } as const;

const DAYS: Reading = {
  text: (day: number) => isoDate(BigInt(day) * 86_400n),
  number: null,
};

/** Times in units of 10^-digits seconds since 1970. */
function times(digits: number): Reading {
  const unit = 10n ** BigInt(digits);
  return {
    text: (time: bigint) => {
      const fraction = ((time % unit) + unit) % unit;
      const second = (time - fraction) / unit;
      const ofDay = ((second % 86_400n) + 86_400n) % 86_400n;
      const clock = [ofDay / 3600n, (ofDay / 60n) % 60n, ofDay % 60n]
        .map((part) => String(part).padStart(2, '0'))
        .join(':');
      const rest = fraction === 0n ? '' : `.${String(fraction).padStart(digits, '0')}`;
      return `${isoDate(second - ofDay)}T${clock}${rest}`;
    },
    number: null,
  };
}

function isoDate(second: bigint): string {
  const date = new Date(Number(second) * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError(`${String(second)} s is no time`);
  return date.toISOString().replace(/T.*/, '');
}

const halfIn = (bytes: Uint8Array): number =>
  halfOf((bytes[0] as number) | ((bytes[1] as number) << 8));

const HALVES: Reading = {
  text: (bytes: Uint8Array) => shortest(halfIn(bytes), true),
  number: halfIn,
  single: true,
};

/** Exact decimals: integers, of any width, to be divided by a power of ten. */
function decimals({ type, scale = 0 }: SchemaElement): Reading | null {
  const integer = (value: number | bigint | Uint8Array): bigint =>
    typeof value === 'object' ? bigEndian(value) : BigInt(value);
  const text = (value: number | bigint | Uint8Array): string => {
    const digits = String(integer(value));
    const sign = digits.startsWith('-') ? '-' : '';
    const padded = digits.slice(sign.length).padStart(scale + 1, '0');
    const whole = padded.slice(0, padded.length - scale);
    return `${sign}${whole}${scale > 0 ? `.${padded.slice(-scale)}` : ''}`;
  };
  if (type === 'FLOAT' || type === 'DOUBLE' || type === 'BOOLEAN' || type === 'INT96') return null;
  if (!(scale >= 0 && scale <= MOST_SCALE)) return null;
  return { text, number: (value) => Number(text(value)) };
}

/** Arrow's widest decimals have 256 bits, and with them 76 digits. */
const MOST_BYTES = 32;
const MOST_SCALE = 76;

function bigEndian(bytes: Uint8Array): bigint {
  if (bytes.length > MOST_BYTES) {
    throw new RangeError(`it holds a decimal of ${String(bytes.length)} bytes`);
  }
  const value = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  return BigInt.asIntN(8 * bytes.length, value);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RangeError('it holds bytes that are not UTF-8');
  }
}
