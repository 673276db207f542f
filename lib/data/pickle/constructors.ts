import { elementsOf } from '../storage/array';
import { newTextBudget } from '../storage/npy-text';
import { describeValue } from './describe';
import {
  arrayOf,
  byteLengthOf,
  KNOWN_DTYPES,
  parseDtype,
  scalarOf,
  shapeOf,
  StoredTexts,
  type Order,
} from './numpy';
import { StoredText } from './text';
import {
  PickleArray,
  PickleBytes,
  PickleDict,
  PickleDtype,
  PickleGlobal,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from './values';

/** What needs reading comes later. */
export type Ready<T> = T | Promise<T>;

/** What constructors ask of the machine. */
export interface Context {
  /** Throws ERR_CMIR_DATA that names the file and the byte. */
  fail(problem: string): never;
  /** Counts values that are copied from one object to another. Each was in the file once; more is an attack. */
  copy(count: number): void;
  /** The bytes that a text's characters number. */
  latin1(text: string): PickleBytes;
  /** The content of bytes. */
  read(bytes: PickleBytes): Ready<Buffer>;
}

type Construct = (args: readonly PickleValue[], context: Context) => Ready<PickleValue>;

function andThen<A, B>(value: Ready<A>, next: (value: A) => Ready<B>): Ready<B> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Python's own names, before and since Python 3. */
const BUILTINS = ['builtins', '__builtin__'];
/** numpy's internal modules, since and before numpy 2. */
const NUMPY = ['numpy._core', 'numpy.core'];

/** All names that a pickle may use, with what is made when they are called; null for those that are only named. */
const CONSTRUCTORS: ReadonlyMap<string, Construct | null> = new Map<string, Construct | null>([
  ...NUMPY.flatMap((core): [string, Construct][] => [
    [`${core}.multiarray _reconstruct`, emptyArray],
    [`${core}.multiarray scalar`, scalar],
    [`${core}.numeric _frombuffer`, frombuffer],
  ]),
  ['numpy ndarray', null],
  ['numpy dtype', dtype],
  ['_codecs encode', encode],
  ['collections OrderedDict', orderedDict],
  ['collections defaultdict', defaultdict],
  ...BUILTINS.flatMap((module): [string, Construct | null][] => [
    [`${module} set`, (args, context) => setOf(args, false, context)],
    [`${module} frozenset`, (args, context) => setOf(args, true, context)],
    [`${module} bytes`, emptyBytes],
    [`${module} bytearray`, bytearray],
    ...['list', 'dict', 'int', 'float', 'str'].map((name): [string, null] => [
      `${module} ${name}`,
      null,
    ]),
  ]),
]);

const GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(
  [...CONSTRUCTORS.keys()].map((key) => {
    const [module = '', name = ''] = key.split(' ');
    return [key, new PickleGlobal(module, name)];
  }),
);

/** A name of the fixed list; undefined for any other. */
export function knownGlobal(module: string, name: string): PickleGlobal | undefined {
  return GLOBALS.get(`${module} ${name}`);
}

/** What calling a name of the list makes in Python; nothing is called here. */
export function construct(
  global: PickleGlobal,
  args: readonly PickleValue[],
  context: Context,
): Ready<PickleValue> {
  const made = CONSTRUCTORS.get(`${global.module} ${global.name}`) ?? null;
  if (made === null) context.fail(`found a call of ${String(global)}, expected it only as a name`);
  return made(args, context);
}

/** Throws for arguments that no Python writes. */
function badArguments(name: string, args: readonly PickleValue[], context: Context): never {
  return context.fail(`found ${name} called with ${describeValue(new PickleTuple(args))}`);
}

/** The bytes that Python 3 or 2 wrote as such or as text. */
function payloadOf(value: PickleValue | undefined, context: Context): Ready<PickleBytes> {
  if (value instanceof PickleBytes) return value;
  if (value instanceof StoredText) return value.latin1();
  if (typeof value === 'string') return context.latin1(value);
  return context.fail(`found ${describeValue(value ?? null)}, expected bytes`);
}

function emptyArray(args: readonly PickleValue[], context: Context): PickleValue {
  const [type] = args;
  if (!(type instanceof PickleGlobal && type.name === 'ndarray')) {
    badArguments('_reconstruct', args, context);
  }
  return new PickleArray();
}

function dtype(args: readonly PickleValue[], context: Context): PickleValue {
  const [code] = args;
  const found = typeof code === 'string' ? parseDtype(code) : null;
  return (
    found ??
    context.fail(`found numpy dtype ${describeValue(code ?? null)}, expected ${KNOWN_DTYPES}`)
  );
}

function scalar(args: readonly PickleValue[], context: Context): Ready<PickleValue> {
  const [dtype, value] = args;
  if (!(dtype instanceof PickleDtype) || dtype.type.kind === 'objects') {
    return badArguments('scalar', args, context);
  }
  const { type, bigEndian } = dtype;
  return andThen(payloadOf(value, context), (payload) => {
    checkLength(payload, byteLengthOf(type, []) ?? 0, context);
    if (type.kind === 'numbers') {
      return andThen(context.read(payload), (source) => scalarOf(type.type, bigEndian, source));
    }
    if (payload.length === 0) return '';
    const layout = { ...type, bigEndian };
    const texts = new StoredTexts([], layout, payload.bytes, payload.offset);
    return texts.read(newTextBudget()).then(({ values: [text = ''] }) => text);
  });
}

/** Protocol 5: the elements, their type, the shape and how they follow one another. */
function frombuffer(args: readonly PickleValue[], context: Context): Ready<PickleValue> {
  const [buffer, dtype, shape, order, axes] = args;
  if (!(dtype instanceof PickleDtype && shape instanceof PickleTuple)) {
    return badArguments('_frombuffer', args, context);
  }
  const layout: Order = {
    shape: checkShape(shape, context),
    columnMajor: order === 'F',
    axes: order === 'K' && axes instanceof PickleTuple ? axes.items.map(Number) : null,
  };
  if (layout.axes !== null && !arePermutation(layout.axes, layout.shape.length)) {
    badArguments('_frombuffer', args, context);
  }
  return andThen(payloadOf(buffer, context), (payload) => fill(dtype, layout, payload, context));
}

function arePermutation(axes: readonly number[], count: number): boolean {
  return axes.length === count && [...axes].sort((a, b) => a - b).every((axis, i) => axis === i);
}

/** Protocols 0 to 2 of Python 3 write bytes as text. */
function encode(args: readonly PickleValue[], context: Context): Ready<PickleValue> {
  const [text, encoding] = args;
  if (encoding !== 'latin1' && encoding !== 'latin-1') return badArguments('encode', args, context);
  return payloadOf(text, context);
}

function emptyBytes(args: readonly PickleValue[], context: Context): PickleValue {
  if (args.length > 0) badArguments('bytes', args, context);
  return context.latin1('');
}

function bytearray(args: readonly PickleValue[], context: Context): Ready<PickleValue> {
  return payloadOf(args.length === 0 ? '' : args[0], context);
}

function setOf(args: readonly PickleValue[], isFrozen: boolean, context: Context): PickleValue {
  const [items = null] = args;
  if (items !== null && !Array.isArray(items)) return badArguments('set', args, context);
  // Not copied: the list is written for the set alone.
  return new PickleSet(items, isFrozen);
}

function orderedDict(args: readonly PickleValue[], context: Context): PickleValue {
  const dict = new PickleDict();
  const [pairs = []] = args;
  if (!Array.isArray(pairs)) return badArguments('OrderedDict', args, context);
  context.copy(pairs.length);
  for (const pair of pairs) {
    const items = pair instanceof PickleTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) badArguments('OrderedDict', args, context);
    const [key, value] = items as PickleValue[];
    setEntry(dict, key as PickleValue, value as PickleValue, context);
  }
  return dict;
}

/** The factory would make values for absent keys: it is not called, but must be one that does no harm. */
function defaultdict(args: readonly PickleValue[], context: Context): PickleValue {
  const [factory = null] = args;
  const isPlain =
    factory === null || (factory instanceof PickleGlobal && BUILTINS.includes(factory.module));
  if (args.length > 1 || !isPlain) badArguments('defaultdict', args, context);
  return new PickleDict();
}

/** A Map holds no more. */
const MOST_ENTRIES = 2 ** 24 - 1;

/** Throws for a key that Python cannot hash. */
export function setEntry(
  dict: PickleDict,
  key: PickleValue,
  value: PickleValue,
  context: Context,
): void {
  if (
    Array.isArray(key) ||
    key instanceof PickleDict ||
    key instanceof PickleArray ||
    (key instanceof PickleSet && !key.isFrozen)
  ) {
    context.fail(`found ${describeValue(key)} as a key, expected text or numbers`);
  }
  if (dict.size >= MOST_ENTRIES) context.fail(`found a dict of over ${String(MOST_ENTRIES)} keys`);
  dict.set(key, value);
}

/** Gives an object that was made its state. */
export function build(target: PickleValue, state: PickleValue, context: Context): Ready<void> {
  const items = state instanceof PickleTuple ? state.items : [];
  if (target instanceof PickleDtype) {
    buildDtype(target, items, context);
    return;
  }
  if (target instanceof PickleArray && target.content === null) {
    return buildArray(target, items, context);
  }
  context.fail(`found ${describeValue(target)} given a state, expected only arrays and dtypes so`);
}

/** (version, byte order, subtype, names, fields, width, alignment, flags, metadata) */
function buildDtype(target: PickleDtype, state: readonly PickleValue[], context: Context): void {
  const [, order, subtype = null, names = null, fields = null, width] = state;
  if (subtype !== null || names !== null || fields !== null) {
    context.fail(`found a numpy dtype of several fields, expected ${KNOWN_DTYPES}`);
  }
  if (typeof order !== 'string' || !'<>|='.includes(order) || order === '') {
    context.fail(`found byte order ${describeValue(order ?? null)}, expected <, >, | or =`);
  }
  const { type } = target;
  if ((type.kind === 'S' || type.kind === 'U') && width !== type.width && width !== -1) {
    context.fail(
      `found texts of ${describeValue(width ?? null)} bytes, expected ${String(type.width)}`,
    );
  }
  target.bigEndian = order === '>';
}

/** (version, shape, dtype, Fortran order, content); the first ones of numpy had no version. */
function buildArray(
  target: PickleArray,
  state: readonly PickleValue[],
  context: Context,
): Ready<void> {
  const [shape, dtype, columnMajor, content] = state.slice(-4);
  if (state.length < 4 || !(shape instanceof PickleTuple) || !(dtype instanceof PickleDtype)) {
    return badArguments('__setstate__', state, context);
  }
  const order = {
    shape: checkShape(shape, context),
    columnMajor: columnMajor === true || columnMajor === 1,
    axes: null,
  };
  if (dtype.type.kind === 'objects') {
    const expected = elementsOf(order.shape);
    if (!Array.isArray(content) || content.length !== expected) {
      return context.fail(
        `found ${describeValue(content ?? null)}, expected a list of ${String(expected)} objects`,
      );
    }
    target.content = { kind: 'objects', shape: order.shape, values: content };
    return;
  }
  return andThen(payloadOf(content, context), (payload) => {
    target.content = fill(dtype, order, payload, context).content;
  });
}

function checkShape(shape: PickleTuple, context: Context): readonly number[] {
  return shapeOf(shape.items) ?? context.fail(`found shape ${describeValue(shape)}`);
}

function fill(
  dtype: PickleDtype,
  order: Order,
  payload: PickleBytes,
  context: Context,
): PickleArray {
  const expected = byteLengthOf(dtype.type, order.shape);
  if (expected === null) return context.fail('found objects in bytes, expected them as a list');
  checkLength(payload, expected, context);
  return arrayOf(dtype, order, payload);
}

function checkLength({ length }: PickleBytes, expected: number, context: Context): void {
  if (length === expected) return;
  context.fail(
    `found ${String(length)} bytes of content, expected ${String(expected)} as shape and type have it`,
  );
}
