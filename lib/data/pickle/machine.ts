import { MemoryBytes, readBytes, type Bytes } from '../storage/bytes';
import { Arguments } from './arguments';
import { build, construct, knownGlobal, setEntry, type Context, type Ready } from './constructors';
import { describeValue } from './describe';
import { Heap, HEAP } from './heap';
import { NEWEST_PROTOCOL, OP } from './opcodes';
import { problemAt } from './problem';
import { refuseGlobal, TORCH_ADVICE } from './refusals';
import { Stack } from './stack';
import { NOT_LATIN } from './text';
import {
  PickleBytes,
  PickleDict,
  PickleGlobal,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from './values';
import { Window } from './window';

/** Texts that are worth keeping for a second use as bytes. */
const LONG_LATIN = 64;

const EMPTY_TUPLE = new PickleTuple([]);

/**
 * Reads a pickle as Python's Unpickler does, but for names, which it only knows and never imports or calls.
 * Opcodes are run synchronously while they are in the window; nothing recurses. Content of arrays, and of texts over
 * 16 KB, is passed over.
 */
export class Machine implements Context {
  readonly #bytes: Bytes;
  readonly #window: Window;
  readonly #stack: Stack;
  readonly #heap: Heap;
  readonly #arguments: Arguments;
  readonly #encoded = new Map<string, PickleBytes>();
  /** Byte of the opcode that is run. */
  #start = 0;
  #ended = false;
  #copied = 0;

  constructor(bytes: Bytes) {
    const fail = (problem: string): never => this.fail(problem);
    this.#bytes = bytes;
    this.#window = new Window(bytes);
    this.#stack = new Stack(fail);
    this.#heap = new Heap(fail);
    this.#arguments = new Arguments(bytes, this.#window, this.#heap, fail);
  }

  /** The value of the whole file. */
  async run(): Promise<PickleValue> {
    for (;;) {
      if (!this.#window.ready) await this.#window.refill();
      this.#heap.check(this.#stack.slots);
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
    return this.#stack.last();
  }

  fail(problem: string): never {
    throw problemAt(this.#bytes, this.#start, problem);
  }

  copy(count: number): void {
    this.#copied += count;
    this.#heap.take(count * HEAP.entry);
    if (this.#copied > this.#bytes.size) this.fail('found the same values copied over and over');
  }

  latin1(text: string): PickleBytes {
    const known = this.#encoded.get(text);
    if (known !== undefined) return known;
    if (/[^\0-\xff]/.test(text)) this.fail(NOT_LATIN);
    const content = new MemoryBytes(this.#bytes.name, Buffer.from(text, 'latin1'));
    const made = new PickleBytes(content, 0, text.length);
    this.#heap.take(HEAP.array);
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
    const args = this.#arguments;
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
        this.#stack.push(null);
        return;
      case OP.NEWTRUE:
        this.#stack.push(true);
        return;
      case OP.NEWFALSE:
        this.#stack.push(false);
        return;
      case OP.BININT:
        this.#stack.push(window.int32());
        return;
      case OP.BININT1:
        this.#stack.push(window.byte());
        return;
      case OP.BININT2:
        this.#stack.push(window.uint16());
        return;
      case OP.BINFLOAT:
        this.#stack.push(window.float64());
        return;
      case OP.LONG1:
        this.#stack.push(args.long(window.byte()));
        return;
      case OP.LONG4:
        this.#stack.push(args.long(window.int32()));
        return;
      case OP.INT:
      case OP.LONG:
        this.#stack.push(args.integerLine());
        return;
      case OP.FLOAT:
        this.#stack.push(args.floatLine());
        return;

      case OP.SHORT_BINUNICODE:
        this.#stack.push(args.text(window.byte(), 'utf-8'));
        return;
      case OP.BINUNICODE:
        this.#stack.push(args.text(window.uint32(), 'utf-8'));
        return;
      case OP.BINUNICODE8:
        this.#stack.push(args.text(window.uint64(), 'utf-8'));
        return;
      case OP.SHORT_BINSTRING:
        this.#stack.push(args.text(window.byte(), 'latin-1'));
        return;
      case OP.BINSTRING:
        this.#stack.push(args.longString(window.int32()));
        return;
      case OP.UNICODE:
        return this.#pushReady(args.unicodeLine());
      case OP.STRING:
        return this.#pushReady(args.stringLine());
      case OP.SHORT_BINBYTES:
        this.#stack.push(args.binary(window.byte()));
        return;
      case OP.BINBYTES:
        this.#stack.push(args.binary(window.uint32()));
        return;
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        this.#stack.push(args.binary(window.uint64()));
        return;

      case OP.EMPTY_LIST:
        this.#heap.take(HEAP.list);
        this.#stack.push([]);
        return;
      case OP.EMPTY_TUPLE:
        this.#stack.push(EMPTY_TUPLE);
        return;
      case OP.EMPTY_DICT:
        this.#heap.take(HEAP.object);
        this.#stack.push(new PickleDict());
        return;
      case OP.EMPTY_SET:
        this.#set(null, false);
        return;
      case OP.LIST:
        this.#list(this.#stack.popMark());
        return;
      case OP.TUPLE:
        this.#tuple(this.#stack.popMark());
        return;
      case OP.TUPLE1:
        this.#tuple([this.#stack.pop()]);
        return;
      case OP.TUPLE2:
        this.#tuple(this.#stack.popSome(2));
        return;
      case OP.TUPLE3:
        this.#tuple(this.#stack.popSome(3));
        return;
      case OP.DICT: {
        const entries = this.#stack.popMark();
        const dict = new PickleDict();
        this.#heap.take(HEAP.object);
        this.#stack.push(dict);
        this.#setEntries(dict, entries);
        return;
      }
      case OP.FROZENSET:
        this.#set(this.#stack.popMark(), true);
        return;
      case OP.APPEND:
        this.#append([this.#stack.pop()]);
        return;
      case OP.APPENDS:
        this.#append(this.#stack.popMark());
        return;
      case OP.SETITEM:
        this.#setEntries(this.#dictBelow(2), this.#stack.popSome(2));
        return;
      case OP.SETITEMS: {
        const entries = this.#stack.popMark();
        this.#setEntries(this.#dictBelow(0), entries);
        return;
      }
      case OP.ADDITEMS:
        this.#addItems(this.#stack.popMark());
        return;

      case OP.MARK:
        this.#stack.mark();
        return;
      case OP.POP:
        this.#stack.drop();
        return;
      case OP.POP_MARK:
        this.#stack.popMark();
        return;
      case OP.DUP:
        this.#stack.push(this.#stack.peek());
        return;

      case OP.MEMOIZE:
        this.#stack.memoize();
        return;
      case OP.PUT:
        this.#put(args.memoKeyLine());
        return;
      case OP.BINPUT:
        this.#put(window.byte());
        return;
      case OP.LONG_BINPUT:
        this.#put(window.uint32());
        return;
      case OP.GET:
        this.#get(args.memoKeyLine());
        return;
      case OP.BINGET:
        this.#get(window.byte());
        return;
      case OP.LONG_BINGET:
        this.#get(window.uint32());
        return;

      case OP.GLOBAL: {
        const module = args.line();
        this.#global(module, args.line());
        return;
      }
      case OP.STACK_GLOBAL: {
        const [module, name] = this.#stack.popSome(2);
        if (typeof module !== 'string' || typeof name !== 'string') {
          return this.fail('found a name that is no text');
        }
        this.#global(module, name);
        return;
      }
      case OP.REDUCE:
        return this.#reduce();
      case OP.BUILD: {
        const state = this.#stack.pop();
        return build(this.#stack.peek(), state, this) ?? undefined;
      }

      case OP.INST: {
        const module = args.line();
        return this.fail(refuseGlobal(module, args.line()));
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

  #put(key: number): void {
    // Every object under a key took a byte of the file, also where keys that are not used were dropped.
    this.#stack.put(key, this.#start);
  }

  #get(key: number): void {
    this.#stack.push(this.#stack.get(key));
  }

  #list(items: PickleValue[]): void {
    this.#heap.take(HEAP.list + items.length * HEAP.slot);
    this.#stack.push(items);
  }

  #tuple(items: PickleValue[]): void {
    this.#heap.take(HEAP.object + items.length * HEAP.slot);
    this.#stack.push(new PickleTuple(items));
  }

  #set(items: PickleValue[] | null, isFrozen: boolean): void {
    this.#heap.take(HEAP.list + (items?.length ?? 0) * HEAP.slot);
    this.#stack.push(new PickleSet(items, isFrozen));
  }

  #append(items: readonly PickleValue[]): void {
    const list = this.#stack.peek();
    if (!Array.isArray(list)) {
      return this.fail(`found ${describeValue(list)} appended to, expected a list`);
    }
    this.#heap.take((list.length === 0 ? HEAP.room : 0) + items.length * HEAP.slot);
    for (const item of items) list.push(item);
  }

  #addItems(items: readonly PickleValue[]): void {
    const set = this.#stack.peek();
    if (!(set instanceof PickleSet) || set.isFrozen) {
      return this.fail(`found ${describeValue(set)} added to, expected a set`);
    }
    this.#heap.take(HEAP.room + items.length * HEAP.slot);
    set.add(items);
  }

  #dictBelow(depth: number): PickleDict {
    const dict = this.#stack.peek(depth);
    if (dict instanceof PickleDict) return dict;
    return this.fail(`found ${describeValue(dict)} given entries, expected a dict`);
  }

  #setEntries(dict: PickleDict, entries: readonly PickleValue[]): void {
    if (entries.length % 2 !== 0) this.fail('found a key without a value (damaged?)');
    if (dict.size === 0) this.#heap.take(HEAP.dict);
    this.#heap.take((entries.length / 2) * HEAP.entry);
    for (let i = 0; i < entries.length; i += 2) {
      setEntry(dict, entries[i] as PickleValue, entries[i + 1] as PickleValue, this);
    }
  }

  #global(module: string, name: string): void {
    this.#stack.push(knownGlobal(module, name) ?? this.fail(refuseGlobal(module, name)));
  }

  #reduce(): Promise<void> | undefined {
    const [global, args] = this.#stack.popSome(2);
    if (!(global instanceof PickleGlobal) || !(args instanceof PickleTuple)) {
      return this.fail(`found ${describeValue(global ?? null)} called, expected a known name`);
    }
    this.#heap.take(HEAP.array);
    return this.#pushReady(construct(global, args.items, this));
  }

  #pushReady(value: Ready<PickleValue>): Promise<void> | undefined {
    if (!(value instanceof Promise)) {
      this.#stack.push(value);
      return undefined;
    }
    return value.then((read) => {
      this.#stack.push(read);
    });
  }
}

function hex(byte: number): string {
  return `byte 0x${byte.toString(16).padStart(2, '0')}`;
}
