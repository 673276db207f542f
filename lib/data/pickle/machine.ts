import { getHeapStatistics } from 'node:v8';

import { parseNumber } from '../cells';
import { MemoryBytes, readBytes, type Bytes } from '../storage/bytes';
import { build, construct, knownGlobal, setEntry, type Context, type Ready } from './constructors';
import { describeValue } from './describe';
import { integerOf } from './numpy';
import { NEWEST_PROTOCOL, OP } from './opcodes';
import { problemAt } from './problem';
import { refuseGlobal, TORCH_ADVICE } from './refusals';
import { decodeText, NOT_LATIN, StoredText, type TextEncoding } from './text';
import {
  PickleBytes,
  PickleDict,
  PickleGlobal,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from './values';
import { LONGEST_INLINE, Window } from './window';

/** Longest integer, in bytes or digits. */
const LONGEST_INTEGER = 1024;
/** Texts that are worth keeping for a second use as bytes. */
const LONG_LATIN = 64;

/** Bytes of memory that objects take at most, counted once they are made; measured on V8. */
const HEAP = { slot: 20, list: 192, tuple: 96, dict: 240, entry: 88, object: 128, array: 700 };
/**
 * Most memory for objects, arrays left out: far from what ends the process, and few enough values that no array of
 * them grows beyond what V8 can hold.
 */
const MOST_HEAP = Math.min(0.4 * getHeapStatistics().heap_size_limit, 1.25 * 2 ** 30);

const EMPTY_TUPLE = new PickleTuple([]);

/**
 * Reads a pickle as Python's Unpickler does, but for names, which it only knows and never imports or calls.
 * Opcodes are run synchronously while they are in the window; nothing recurses. Content of arrays, and of texts over
 * 16 KB, is passed over.
 */
export class Machine implements Context {
  readonly #bytes: Bytes;
  readonly #window: Window;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at each mark; what is below the last is out of reach. */
  readonly #marks: number[] = [];
  #floor = 0;
  readonly #memo: (PickleValue | undefined)[] = [];
  #memoized = 0;
  readonly #encoded = new Map<string, PickleBytes>();
  /** Byte of the opcode that is run. */
  #start = 0;
  #ended = false;
  #heap = 0;
  #copied = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#window = new Window(bytes);
  }

  /** The value of the whole file. */
  async run(): Promise<PickleValue> {
    for (;;) {
      if (!this.#window.ready) await this.#window.refill();
      this.#checkHeap();
      const pending = this.#runWindow();
      if (this.#ended) break;
      await pending;
    }
    const rest = this.#bytes.size - this.#window.position;
    if (rest > 0) {
      this.fail(
        `found ${String(rest)} more bytes behind the end of the pickle, expected one pickle a file`,
      );
    }
    if (this.#stack.length !== 1 || this.#marks.length > 0) {
      this.fail(`found ${String(this.#stack.length)} values at the end, expected 1`);
    }
    return this.#stack[0] as PickleValue;
  }

  fail(problem: string): never {
    throw problemAt(this.#bytes, this.#start, problem);
  }

  copy(count: number): void {
    this.#copied += count;
    this.#charge(count * HEAP.entry);
    if (this.#copied > this.#bytes.size) this.fail('found the same values copied over and over');
  }

  latin1(text: string): PickleBytes {
    const known = this.#encoded.get(text);
    if (known !== undefined) return known;
    if (/[^\0-\xff]/.test(text)) this.fail(NOT_LATIN);
    const content = new MemoryBytes(this.#bytes.name, Buffer.from(text, 'latin1'));
    const made = new PickleBytes(content, 0, text.length);
    this.#charge(HEAP.array);
    if (text.length > LONG_LATIN) this.#encoded.set(text, made);
    return made;
  }

  read({ bytes, offset, length }: PickleBytes): Ready<Buffer> {
    const near = bytes === this.#bytes ? this.#window.view(offset, length) : null;
    return near ?? readBytes(bytes, offset, length);
  }

  /** Runs what is in the window; a promise when something has to be read first. */
  #runWindow(): Promise<void> | undefined {
    const window = this.#window;
    while (window.ready) {
      this.#start = window.position;
      const pending = this.#step(window.byte());
      if (pending !== undefined || this.#ended) return pending;
    }
    return undefined;
  }

  #step(opcode: number): Promise<void> | undefined {
    const window = this.#window;
    switch (opcode) {
      case OP.PROTO:
        this.#checkProtocol(window.byte());
        return;
      case OP.FRAME:
        this.#checkFrame(window.uint64());
        return;
      case OP.STOP:
        this.#ended = true;
        return;

      case OP.NONE:
        this.#push(null);
        return;
      case OP.NEWTRUE:
        this.#push(true);
        return;
      case OP.NEWFALSE:
        this.#push(false);
        return;
      case OP.BININT:
        this.#push(window.int32());
        return;
      case OP.BININT1:
        this.#push(window.byte());
        return;
      case OP.BININT2:
        this.#push(window.uint16());
        return;
      case OP.BINFLOAT:
        this.#push(window.float64());
        return;
      case OP.LONG1:
        this.#push(this.#long(window.byte()));
        return;
      case OP.LONG4:
        this.#push(this.#long(window.int32()));
        return;
      case OP.INT:
        this.#push(this.#integer(this.#line()));
        return;
      case OP.LONG:
        this.#push(this.#integer(this.#line().replace(/L$/, '')));
        return;
      case OP.FLOAT:
        this.#push(this.#float(this.#line()));
        return;

      case OP.SHORT_BINUNICODE:
        this.#text(window.byte(), 'utf-8');
        return;
      case OP.BINUNICODE:
        this.#text(window.uint32(), 'utf-8');
        return;
      case OP.BINUNICODE8:
        this.#text(window.uint64(), 'utf-8');
        return;
      case OP.SHORT_BINSTRING:
        this.#text(window.byte(), 'latin-1');
        return;
      case OP.BINSTRING:
        this.#data(window.int32());
        return;
      case OP.UNICODE:
        return this.#textLine('raw-unicode-escape');
      case OP.STRING:
        return this.#textLine('string-escape');
      case OP.SHORT_BINBYTES:
        this.#binary(window.byte());
        return;
      case OP.BINBYTES:
        this.#binary(window.uint32());
        return;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        this.#binary(window.uint64());
        return;

      case OP.EMPTY_LIST:
        this.#charge(HEAP.list);
        this.#push([]);
        return;
      case OP.EMPTY_TUPLE:
        this.#push(EMPTY_TUPLE);
        return;
      case OP.EMPTY_DICT:
        this.#charge(HEAP.object);
        this.#push(new PickleDict());
        return;
      case OP.EMPTY_SET:
        this.#set([], false);
        return;
      case OP.LIST:
        this.#list(this.#popMark());
        return;
      case OP.TUPLE:
        this.#tuple(this.#popMark());
        return;
      case OP.TUPLE1:
        this.#tuple([this.#pop()]);
        return;
      case OP.TUPLE2:
        this.#tuple(this.#popSome(2));
        return;
      case OP.TUPLE3:
        this.#tuple(this.#popSome(3));
        return;
      case OP.DICT: {
        const entries = this.#popMark();
        const dict = new PickleDict();
        this.#charge(HEAP.object);
        this.#push(dict);
        this.#setEntries(dict, entries);
        return;
      }
      case OP.FROZENSET:
        this.#set(this.#popMark(), true);
        return;
      case OP.APPEND:
        this.#append([this.#pop()]);
        return;
      case OP.APPENDS:
        this.#append(this.#popMark());
        return;
      case OP.SETITEM:
        this.#setEntries(this.#dictBelow(2), this.#popSome(2));
        return;
      case OP.SETITEMS: {
        const entries = this.#popMark();
        this.#setEntries(this.#dictBelow(0), entries);
        return;
      }
      case OP.ADDITEMS:
        this.#addItems(this.#popMark());
        return;

      case OP.MARK:
        this.#marks.push(this.#stack.length);
        this.#floor = this.#stack.length;
        return;
      case OP.POP:
        // Python lets it take a mark away too.
        if (this.#stack.length === this.#floor && this.#marks.length > 0) this.#popMark();
        else this.#pop();
        return;
      case OP.POP_MARK:
        this.#popMark();
        return;
      case OP.DUP:
        this.#push(this.#top());
        return;

      case OP.MEMOIZE:
        this.#remember(this.#memoized);
        return;
      case OP.PUT:
        this.#remember(this.#memoKey(this.#line()));
        return;
      case OP.BINPUT:
        this.#remember(window.byte());
        return;
      case OP.LONG_BINPUT:
        this.#remember(window.uint32());
        return;
      case OP.GET:
        this.#recall(this.#memoKey(this.#line()));
        return;
      case OP.BINGET:
        this.#recall(window.byte());
        return;
      case OP.LONG_BINGET:
        this.#recall(window.uint32());
        return;

      case OP.GLOBAL: {
        const module = this.#line();
        this.#global(module, this.#line());
        return;
      }
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#popSome(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          return this.fail('found a name that is no text');
        }
        this.#global(module, name);
        return;
      }
      case OP.REDUCE:
        return this.#reduce();
      case OP.BUILD: {
        const state = this.#pop();
        return build(this.#top(), state, this) ?? undefined;
      }

      case OP.INST: {
        const module = this.#line();
        return this.fail(refuseGlobal(module, this.#line()));
      }
      case OP.PERSID:
      case OP.BINPERSID:
        return this.fail(`found a reference to what is outside of the pickle, ${TORCH_ADVICE}`);
      case OP.OBJ:
      case OP.NEWOBJ:
      case OP.NEWOBJ_EX:
        return this.fail(
          'found an object of a class, but cmir never runs code from a pickle, ' +
            'expected only numpy arrays, text, numbers, lists, tuples, sets and dicts',
        );
      case OP.EXT1:
      case OP.EXT2:
      case OP.EXT4:
        return this.fail('found a name of the extension registry, expected names in full');
      case OP.NEXT_BUFFER:
      case OP.READONLY_BUFFER:
        return this.fail(
          'found a buffer outside of the pickle, expected all in one file: pickle.dump without buffer_callback',
        );
      default:
        return this.fail(
          `found ${hex(opcode)}, expected an opcode of pickle protocols 0 to ${String(NEWEST_PROTOCOL)} (damaged?)`,
        );
    }
  }

  #checkProtocol(protocol: number): void {
    if (protocol <= NEWEST_PROTOCOL) return;
    this.fail(
      `found pickle protocol ${String(protocol)}, expected at most ${String(NEWEST_PROTOCOL)}`,
    );
  }

  #checkFrame(length: number): void {
    if (this.#window.position + length <= this.#bytes.size) return;
    this.fail(
      `found a frame of ${String(length)} bytes, but they end at ${String(this.#bytes.size)} (truncated?)`,
    );
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #top(): PickleValue {
    if (this.#stack.length <= this.#floor) this.fail('expected a value on the stack (damaged?)');
    return this.#stack.at(-1) as PickleValue;
  }

  #pop(): PickleValue {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popSome(count: number): PickleValue[] {
    const height = this.#stack.length - count;
    if (height < this.#floor) {
      this.fail(`expected ${String(count)} values on the stack (damaged?)`);
    }
    return this.#stack.splice(height);
  }

  /** What is above the last mark. */
  #popMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) this.fail('expected a mark on the stack (damaged?)');
    this.#floor = this.#marks.at(-1) ?? 0;
    return this.#stack.splice(height);
  }

  #remember(key: number): void {
    // Every object that was remembered takes a byte of the file, also where unused keys were dropped.
    if (key > this.#start)
      this.fail(`found memo key ${String(key)}, expected at most a key a byte`);
    if (this.#memo[key] === undefined) this.#memoized += 1;
    this.#memo[key] = this.#top();
  }

  #recall(key: number): void {
    const value = this.#memo[key];
    if (value === undefined) this.fail(`found no value under memo key ${String(key)} (damaged?)`);
    this.#push(value);
  }

  #memoKey(line: string): number {
    return /^\d{1,15}$/.test(line) ? Number(line) : this.fail(`found memo key '${line}'`);
  }

  #line(): string {
    const line = this.#window.line();
    return line === null
      ? this.fail('expected a line of text (damaged?)')
      : line.toString('latin1');
  }

  #integer(line: string): PickleValue {
    // Before protocol 2 that is how True and False are written.
    if (line === '01') return true;
    if (line === '00') return false;
    if (!/^[-+]?\d+$/.test(line) || line.length > LONGEST_INTEGER) {
      this.fail('found a line that is no integer, or one of too many digits');
    }
    return integerOf(BigInt(line.replace('+', '')));
  }

  #float(line: string): number {
    return parseNumber(line) ?? this.fail('found a line that is no number');
  }

  /** Two's complement, little-endian. */
  #long(length: number): PickleValue {
    if (length < 0 || length > LONGEST_INTEGER) {
      this.fail(
        `found an integer of ${String(length)} bytes, expected at most ${String(LONGEST_INTEGER)}`,
      );
    }
    const digits = Buffer.from(this.#window.bytes(length)).reverse().toString('hex');
    return integerOf(BigInt.asIntN(8 * length, BigInt(`0x0${digits}`)));
  }

  #text(length: number, encoding: TextEncoding): void {
    if (length > LONGEST_INLINE) {
      this.#storedText(this.#window.skip(length), length, encoding);
    } else {
      this.#decoded(this.#window.bytes(length), encoding);
    }
  }

  /** What Python 2 wrote in over 255 bytes: more often an array's content than text. */
  #data(length: number): void {
    if (length < 0) this.fail(`found a string of ${String(length)} bytes`);
    if (length < 256) this.#text(length, 'latin-1');
    else this.#storedText(this.#window.skip(length), length, 'latin-1');
  }

  #textLine(encoding: TextEncoding): Promise<void> | undefined {
    const quotes = encoding === 'string-escape' ? 1 : 0;
    const begin = this.#window.position + quotes;
    const line = this.#window.line();
    if (line !== null) {
      if (quotes === 1 && !/^(['"]).*\1$/s.test(line.toString('latin1'))) {
        this.fail('found a string without quotes');
      }
      this.#decoded(line.subarray(quotes, line.length - quotes), encoding);
      return undefined;
    }
    return this.#window.skipLine().then(() => {
      const end = this.#window.position - 1 - quotes;
      this.#storedText(begin, Math.max(0, end - begin), encoding);
    });
  }

  #decoded(source: Buffer, encoding: TextEncoding): void {
    const text = decodeText(source, encoding);
    if (typeof text !== 'string') return this.fail(text.problem);
    this.#charge(2 * text.length + HEAP.slot);
    this.#push(text);
  }

  #storedText(offset: number, length: number, encoding: TextEncoding): void {
    this.#charge(HEAP.object);
    this.#push(new StoredText(this.#bytes, offset, length, encoding));
  }

  #binary(length: number): void {
    this.#charge(HEAP.object);
    this.#push(new PickleBytes(this.#bytes, this.#window.skip(length), length));
  }

  #list(items: PickleValue[]): void {
    this.#charge(HEAP.list + items.length * HEAP.slot);
    this.#push(items);
  }

  #tuple(items: PickleValue[]): void {
    this.#charge(HEAP.tuple + items.length * HEAP.slot);
    this.#push(new PickleTuple(items));
  }

  #set(items: PickleValue[], isFrozen: boolean): void {
    this.#charge(HEAP.list + items.length * HEAP.slot);
    this.#push(new PickleSet(items, isFrozen));
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) {
      return this.fail(`found ${describeValue(list)} appended to, expected a list`);
    }
    this.#extend(list, items);
  }

  #addItems(items: readonly PickleValue[]): void {
    const set = this.#top();
    if (!(set instanceof PickleSet) || set.isFrozen) {
      return this.fail(`found ${describeValue(set)} added to, expected a set`);
    }
    this.#extend(set.items, items);
  }

  #extend(list: PickleValue[], items: readonly PickleValue[]): void {
    this.#charge(items.length * HEAP.slot);
    for (const item of items) list.push(item);
  }

  #dictBelow(depth: number): PickleDict {
    const place = this.#stack.length - 1 - depth;
    const dict = place < this.#floor ? undefined : this.#stack[place];
    if (dict instanceof PickleDict) return dict;
    return this.fail(`found ${describeValue(dict ?? null)} given entries, expected a dict`);
  }

  #setEntries(dict: PickleDict, entries: readonly PickleValue[]): void {
    if (entries.length % 2 !== 0) this.fail('found a key without a value (damaged?)');
    if (dict.size === 0) this.#charge(HEAP.dict);
    this.#charge((entries.length / 2) * HEAP.entry);
    for (let i = 0; i < entries.length; i += 2) {
      setEntry(dict, entries[i] as PickleValue, entries[i + 1] as PickleValue, this);
    }
  }

  #global(module: string, name: string): void {
    this.#push(knownGlobal(module, name) ?? this.fail(refuseGlobal(module, name)));
  }

  #reduce(): Promise<void> | undefined {
    const [global, args] = this.#popSome(2);
    if (!(global instanceof PickleGlobal) || !(args instanceof PickleTuple)) {
      return this.fail(`found ${describeValue(global ?? null)} called, expected a known name`);
    }
    this.#charge(HEAP.array);
    const made = construct(global, args.items, this);
    if (made instanceof Promise)
      return made.then((value) => {
        this.#push(value);
      });
    this.#push(made);
    return undefined;
  }

  #charge(memory: number): void {
    this.#heap += memory;
    if (this.#heap > MOST_HEAP) this.#refuseHeap();
  }

  /** With the stack and the memo, which grow and shrink. */
  #checkHeap(): void {
    const slots = this.#stack.length + this.#marks.length + this.#memo.length;
    if (this.#heap + slots * HEAP.slot > MOST_HEAP) this.#refuseHeap();
  }

  #refuseHeap(): never {
    return this.fail(
      `found lists, texts and other objects that take over ${String(Math.round(MOST_HEAP / 2 ** 20))} MB of memory, ` +
        'expected numpy arrays instead: numpy.array(x, dtype=numpy.float32)',
    );
  }
}

function hex(byte: number): string {
  return `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
