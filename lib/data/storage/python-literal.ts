/** What a Python literal may be here; tuples are lists, long integers numbers. */
export type Literal = string | number | boolean | null | Literal[] | Map<string, Literal>;

/** Deepest nesting that is read. */
const DEEPEST = 32;

/**
 * Reads the text of a Python literal made of dicts with string keys, lists, tuples, strings, integers, True, False
 * and None; nothing is evaluated. Throws a SyntaxError that says at which character what was expected.
 */
export function parseLiteral(text: string): Literal {
  const parser = new Parser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Literal {
    if (depth > DEEPEST) throw this.#expected('less nesting');
    if (this.#take('{')) return this.#dict(depth);
    if (this.#take('[')) return this.#items(']', depth);
    if (this.#take('(')) return this.#tuple(depth);
    const word = this.#match(/True|False|None/y)?.[0];
    if (word !== undefined) return word === 'None' ? null : word === 'True';
    const integer = this.#match(/(-?\d+)L?(?![\w.])/y)?.[1];
    if (integer !== undefined) return Number(integer);
    return this.#string();
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#skip();
    if (this.#at < this.#text.length) throw this.#expected('the end');
  }

  #dict(depth: number): Map<string, Literal> {
    const entries = new Map<string, Literal>();
    while (!this.#take('}')) {
      const key = this.#string();
      if (entries.has(key)) throw this.#expected(`'${key}' only once`);
      if (!this.#take(':')) throw this.#expected("':'");
      entries.set(key, this.value(depth + 1));
      if (this.#take(',')) continue;
      if (!this.#take('}')) throw this.#expected("',' or '}'");
      break;
    }
    return entries;
  }

  #items(close: string, depth: number): Literal[] {
    const items: Literal[] = [];
    while (!this.#take(close)) {
      items.push(this.value(depth + 1));
      if (this.#take(',')) continue;
      if (!this.#take(close)) throw this.#expected(`',' or '${close}'`);
      break;
    }
    return items;
  }

  /** One value in parentheses is a tuple only with a comma behind it. */
  #tuple(depth: number): Literal {
    const begin = this.#at;
    const items = this.#items(')', depth);
    const isTuple = items.length !== 1 || /,\s*\)$/.test(this.#text.slice(begin, this.#at));
    return isTuple ? items : (items[0] as Literal);
  }

  #string(): string {
    const match = this.#match(/[bu]?(?:'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)")/y);
    if (match === null) throw this.#expected('a value');
    return (match[1] ?? match[2] ?? '').replace(/\\(.)/g, '$1');
  }

  #take(character: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    this.#skip();
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at += 1;
  }

  #expected(what: string): SyntaxError {
    const found = this.#text.slice(this.#at, this.#at + 20);
    return new SyntaxError(
      `character ${String(this.#at)}: found ${found === '' ? 'the end' : JSON.stringify(found)}, expected ${what}`,
    );
  }
}
