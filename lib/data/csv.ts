import { promises as fs } from 'node:fs';

import { parse, type ParseError } from 'papaparse';

import { CmirError, messageOf, throwIfAborted } from '../errors';
import { closestTo } from '../suggest';
import { listNames, quoteCell } from './cells';

/** Takes a CSV table keyed by its `id` column, header first, then row by row. */
export interface TableVisitor {
  /** All column names in file order, unique and not empty, `id` among them. True where ids may repeat. */
  columns(names: readonly string[]): boolean;
  /** One row: as many cells as columns, its id, the line of the file it starts on (from 1). */
  row(id: string, cells: readonly string[], line: number): void;
}

/** A row as every message names it: file, line (from 1; of a table without lines its row) and, where it has one, id. */
export function placeOf(
  file: string,
  line: number,
  id: string | null,
  unit: 'line' | 'row' = 'line',
): string {
  return `${file}, ${unit} ${String(line)}${id === null ? '' : ` (id ${id})`}`;
}

/** An ERR_CMIR_DATA that starts with the place. */
export function rowError(
  file: string,
  line: number,
  id: string | null,
  problem: string,
): CmirError {
  return new CmirError('ERR_CMIR_DATA', `${placeOf(file, line, id)}: ${problem}`);
}

/**
 * Reads a UTF-8 CSV file with a header line and an `id` column. Commas separate cells, double quotes may enclose
 * them; a byte order mark, either line ending and blank lines are taken. Spaces around ids and column names do
 * not count.
 * Throws ERR_CMIR_DATA, naming file and row, for a file that cannot be read, is not UTF-8, has no header, no
 * `id` column, a nameless or repeated column, a ragged row, an empty or repeated id, or misplaced quotes;
 * ERR_CMIR_ABORTED before it begins where the signal has fired.
 */
export async function readTable(
  file: string,
  visitor: TableVisitor,
  signal?: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  const text = await readText(file);
  const quoted = text.includes('"');
  const table = new KeyedTable(file, visitor);
  let line = 1;

  parse<string[]>(text, {
    delimiter: ',',
    newline: '\n',
    step: ({ data: cells, errors }) => {
      const [error] = errors;
      if (error !== undefined) throw quoteError(file, text, error);
      const start = line;
      // Only a quoted cell can hold a line break.
      line += 1 + (quoted ? cells.reduce((sum, cell) => sum + countBreaks(cell), 0) : 0);
      if (cells.length > 1 || cells[0] !== '') table.add(cells, start);
    },
  });
  if (table.isEmpty) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${file}: the file is empty, expected a header line with an id column`,
    );
  }
}

/** Hands a table on to a visitor and checks header, ids and the number of cells on the way. */
export class KeyedTable {
  readonly #file: string;
  readonly #visitor: TableVisitor;
  /** Null where ids may repeat. */
  #lineOfId: Map<string, number> | null = null;
  #columns = 0;
  #idColumn = -1;

  constructor(file: string, visitor: TableVisitor) {
    this.#file = file;
    this.#visitor = visitor;
  }

  /** Whether nothing was added yet. */
  get isEmpty(): boolean {
    return this.#columns === 0;
  }

  /** The header, then row after row, each with the line it stands on. */
  add(cells: readonly string[], line: number): void {
    if (this.isEmpty) this.#addHeader(cells, line);
    else this.#addRow(cells, line);
  }

  #addHeader(cells: readonly string[], line: number): void {
    const names = checkHeader(this.#file, cells, line);
    this.#columns = names.length;
    this.#idColumn = names.indexOf('id');
    this.#lineOfId = this.#visitor.columns(names) ? null : new Map();
  }

  #addRow(cells: readonly string[], line: number): void {
    const id = (cells[this.#idColumn] ?? '').trim();
    if (cells.length !== this.#columns) {
      const problem = `found ${String(cells.length)} cells, expected ${String(this.#columns)} as in the header`;
      throw rowError(this.#file, line, id === '' ? null : id, problem);
    }
    if (id === '') {
      const problem = 'found an empty id, expected a name unique in this file';
      throw rowError(this.#file, line, null, problem);
    }
    const first = this.#lineOfId?.get(id);
    if (first !== undefined) {
      const problem = `found the id a second time, expected it once; it is also on line ${String(first)}`;
      throw rowError(this.#file, line, id, problem);
    }
    this.#lineOfId?.set(id, line);
    this.#visitor.row(id, cells, line);
  }
}

async function readText(file: string): Promise<string> {
  try {
    // The decoder drops a byte order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await fs.readFile(file));
    return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  } catch (error) {
    const notUtf8 = (error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA';
    const problem = notUtf8 ? 'not UTF-8 text; save the file as CSV in UTF-8' : messageOf(error);
    throw new CmirError('ERR_CMIR_DATA', `${file}: cannot be read: ${problem}`, { cause: error });
  }
}

/** The names of a header's columns. Throws ERR_CMIR_DATA for a nameless or repeated one, and without `id`. */
export function checkHeader(
  file: string,
  cells: readonly string[],
  line: number,
): readonly string[] {
  const names = cells.map((cell) => detach(cell.trim()));
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    if (name === '') {
      throw rowError(
        file,
        line,
        null,
        `column ${String(index + 1)} has no name; expected a name for every column`,
      );
    }
    if (seen.has(name)) {
      throw rowError(
        file,
        line,
        null,
        `found column ${quoteCell(name)} twice, expected unique column names`,
      );
    }
    seen.add(name);
  }
  if (!seen.has('id')) throw missingColumn(file, 'id', names);
  return names;
}

/** ERR_CMIR_DATA for an absent column, with the columns there are and the one that may be meant. */
export function missingColumn(file: string, column: string, names: readonly string[]): CmirError {
  // Every short name is near a short one, so those must agree but for case.
  const nearest =
    names.find((name) => name.toLowerCase() === column) ??
    (column.length > 3 ? closestTo(column, names) : undefined);
  const meant = nearest === undefined ? '' : `; is ${quoteCell(nearest)} meant?`;
  const separator =
    names.length === 1 && /[;\t]/.test(names[0] ?? '') ? '; commas must separate columns' : '';
  return new CmirError(
    'ERR_CMIR_DATA',
    `${file}: found no column '${column}' among ${listNames(names)}, expected one${meant}${separator}`,
  );
}

/** A copy that does not keep the text of the whole file in memory, as a slice of it would. */
function detach(name: string): string {
  return Buffer.from(name).toString();
}

function countBreaks(text: string): number {
  return text.split('\n').length - 1;
}

function quoteError(file: string, text: string, error: ParseError): CmirError {
  const line = 1 + countBreaks(text.slice(0, error.index));
  const problem =
    error.code === 'MissingQuotes'
      ? 'found an opening quote that is never closed, expected a closing one'
      : 'found text after a closing quote, expected a comma or the end of the line; a quote in a cell is doubled';
  return rowError(file, line, null, problem);
}
