import {
  ELEMENT_BYTES,
  elementsOf,
  StoredArray,
  type ElementType,
  type TextArray,
} from '../storage/array';
import { MemoryBytes, type Bytes } from '../storage/bytes';
import { readTexts, type TextBudget, type TextLayout } from '../storage/npy-text';
import { integerOf } from './integers';
import { PermutedBytes } from './permuted';
import { problemAt } from './problem';
import { PickleArray, PickleBytes, PickleDtype, type PickleValue } from './values';

/** What numpy's dtypes come down to. */
export type Dtype =
  | { readonly kind: 'numbers'; readonly type: ElementType }
  /** `width` bytes each. */
  | { readonly kind: 'S' | 'U'; readonly width: number }
  | { readonly kind: 'objects' };

export const KNOWN_DTYPES = 'bool, integers, float16, float32, float64, text or objects';

const NUMBERS: ReadonlyMap<string, ElementType> = new Map([
  ['?', 'bool'],
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
]);

/** The dtype that numpy abbreviates so, such as <f4; null for one that is not read. */
export function parseDtype(code: string): PickleDtype | null {
  const match = /^([<>|=]?)([A-Za-z?])(\d{0,9})$/.exec(code);
  if (match === null) return null;
  const [, order, letter = '', digits = ''] = match;
  const type = dtypeOf(letter, digits);
  return type === null ? null : new PickleDtype(type, order === '>');
}

function dtypeOf(letter: string, digits: string): Dtype | null {
  const type = NUMBERS.get(letter + digits);
  if (type !== undefined) return { kind: 'numbers', type };
  const width = Number(digits);
  switch (letter) {
    case 'O':
      return { kind: 'objects' };
    case 'S':
    case 'a':
      return { kind: 'S', width };
    case 'U':
      return { kind: 'U', width: 4 * width };
    default:
      return null;
  }
}

/** An array of texts where it is stored. */
export class StoredTexts {
  readonly kind = 'stored texts';

  constructor(
    readonly shape: readonly number[],
    private readonly layout: TextLayout,
    private readonly bytes: Bytes,
    private readonly offset: number,
  ) {}

  /** Throws ERR_CMIR_DATA for what is not text, or more of it than the budget. */
  read(budget: TextBudget): Promise<TextArray> {
    const texts = { ...this.layout, shape: this.shape, columnMajor: false };
    return readTexts(texts, this.bytes, this.offset, budget, (problem) => {
      throw problemAt(this.bytes, this.offset, problem);
    });
  }
}

/** numpy's own limit. */
const MOST_AXES = 64;

/** A shape, or null for what is none. */
export function shapeOf(items: readonly PickleValue[]): readonly number[] | null {
  const isLength = (item: PickleValue): item is number =>
    typeof item === 'number' && Number.isInteger(item) && item >= 0;
  if (items.length > MOST_AXES || !items.every(isLength)) return null;
  // Also of a shape without elements: numpy has none that is larger.
  const most = elementsOf(items.map((length) => Math.max(1, length)));
  return Number.isSafeInteger(8 * most) ? items : null;
}

/** How the elements of an array follow one another. */
export interface Order {
  readonly shape: readonly number[];
  /** Whether the first axis moves fastest. */
  readonly columnMajor: boolean;
  /** Which axis of `shape` each axis of the result is; null for the same. */
  readonly axes: readonly number[] | null;
}

/** Bytes of all elements of a shape; null for objects, which are not in bytes. */
export function byteLengthOf(type: Dtype, shape: readonly number[]): number | null {
  if (type.kind === 'objects') return null;
  const width = type.kind === 'numbers' ? ELEMENT_BYTES[type.type] : type.width;
  return elementsOf(shape) * width;
}

/** The array whose elements are `payload`, which has byteLengthOf() bytes. */
export function arrayOf(
  { type, bigEndian }: PickleDtype,
  order: Order,
  { bytes, offset }: PickleBytes,
): PickleArray {
  const array = new PickleArray();
  if (type.kind === 'objects') return array;
  const { shape, columnMajor, axes } = order;
  if (axes === null && (type.kind === 'numbers' || !columnMajor || shape.length < 2)) {
    array.content =
      type.kind === 'numbers'
        ? new StoredArray({ type: type.type, shape, bigEndian, columnMajor }, bytes, offset)
        : new StoredTexts(shape, { ...type, bigEndian }, bytes, offset);
    return array;
  }
  // Column-major is row-major with the axes turned round.
  const stored = columnMajor ? [...shape].reverse() : shape;
  const turned = axes ?? shape.map((_, axis) => shape.length - 1 - axis);
  const width = type.kind === 'numbers' ? ELEMENT_BYTES[type.type] : type.width;
  const permuted = new PermutedBytes({ bytes, offset, width, shape: stored }, turned);
  const plain = {
    shape: turned.map((axis) => stored[axis] as number),
    columnMajor: false,
    axes: null,
  };
  return arrayOf(
    new PickleDtype(type, bigEndian),
    plain,
    new PickleBytes(permuted, 0, permuted.size),
  );
}

/** A numpy number, from its bytes. */
export function scalarOf(
  type: ElementType,
  bigEndian: boolean,
  source: Buffer,
): PickleValue | Promise<PickleValue> {
  switch (type) {
    case 'bool':
      return source[0] !== 0;
    case 'int8':
      return source.readInt8();
    case 'uint8':
      return source.readUInt8();
    case 'int16':
      return bigEndian ? source.readInt16BE() : source.readInt16LE();
    case 'uint16':
      return bigEndian ? source.readUInt16BE() : source.readUInt16LE();
    case 'int32':
      return bigEndian ? source.readInt32BE() : source.readInt32LE();
    case 'uint32':
      return bigEndian ? source.readUInt32BE() : source.readUInt32LE();
    case 'int64':
      return integerOf(bigEndian ? source.readBigInt64BE() : source.readBigInt64LE());
    case 'uint64':
      return integerOf(bigEndian ? source.readBigUInt64BE() : source.readBigUInt64LE());
    case 'float32':
      return bigEndian ? source.readFloatBE() : source.readFloatLE();
    case 'float64':
      return bigEndian ? source.readDoubleBE() : source.readDoubleLE();
    default: {
      // Half precision is rare alone: the way of arrays will do, on a copy as windows move on.
      const array = new StoredArray(
        { type, shape: [], bigEndian },
        new MemoryBytes('', Buffer.from(source)),
        0,
      );
      return array.float64().then(([value = NaN]) => value);
    }
  }
}
