import * as path from 'node:path';

import { CmirError } from '../../errors';
import { closestTo } from '../../suggest';
import { checkModalityName, checkTargets } from '../check';
import { missingColumn, placeOf, readTable, type TableVisitor } from '../csv';
import { Dataset, type Label, type LazyTexts, type Modality } from '../dataset';
import { findLabelColumn, makeLabel } from '../label';
import type { ResolvedLoadOptions } from '../options';
import { groupSplits } from '../splits';
import type { Format, Probe } from './format';
import { ModalityTable } from './modality-table';
import { readPackedLabels, readPackedModality } from './packed/read';
import { readParquetModality, readParquetTable } from './parquet-tables';

/** Endings of the tables that a folder may hold. */
const EXTENSIONS = ['.csv', '.parquet', '.safetensors'] as const;
type Extension = (typeof EXTENSIONS)[number];
const LABELS = 'labels';

/**
 * The canonical folder: a table of labels (id, split, label, metadata) and a table of features for each modality.
 * Each is CSV, made for people, or Parquet, both joined by id, or safetensors, made for size: one row an example in
 * the order of the labels, mapped when it is trained on.
 */
export const folder: Format = {
  name: 'folder',
  description: 'a folder with labels.csv and one <modality>.csv a modality',
  detect: ({ entries }) => entries !== null,
  async read(probe, options) {
    const { labels, tables } = listTables(probe);
    const examples = await readExamples(labels, options);
    const { ids, label, splits, metadata } = examples;
    checkTargets(labels.file, label, splits, options);
    const modalities: Modality[] = [];
    const notes: string[] = [];
    // One after another: the first problem reported does not depend on timing, and one text is held at a time.
    for (const table of tables) {
      modalities.push(await readModality(table, examples, options, notes));
    }
    return new Dataset({ name: probe.path, ids, modalities, label, splits, metadata, notes });
  },
};

interface Table {
  readonly name: string;
  readonly file: string;
  readonly extension: Extension;
}

/** The tables of a folder: labels, and modalities in the order of their names. */
function listTables({ path: source, entries }: Probe): { labels: Table; tables: Table[] } {
  const fail = (problem: string): never => {
    throw new CmirError('ERR_CMIR_DATA', `${source}: ${problem}`);
  };
  const files = entries ?? [];
  const all = files.flatMap((entry) => {
    const extension = EXTENSIONS.find((known) => entry.endsWith(known));
    if (extension === undefined) return [];
    const name = path.basename(entry, extension);
    return [{ name, file: path.join(source, entry), extension }];
  });
  all.forEach(({ name, file }, index) => {
    const first = all.findIndex((other) => other.name === name);
    if (first !== index) {
      fail(
        `found ${path.basename(all[first]?.file ?? '')} and ${path.basename(file)}, expected one of them`,
      );
    }
  });
  const labels = all.find(({ name }) => name === LABELS);
  if (labels === undefined) {
    const nearest = closestTo('labels.csv', [...files]);
    return fail(
      `found no labels.csv, expected ${folder.description}` +
        (nearest === undefined ? '' : `; rename ${nearest}?`),
    );
  }
  const tables = all.filter((table) => table !== labels);
  if (tables.length === 0) {
    fail(
      `found ${path.basename(labels.file)} but no modality, expected at least one <modality>.csv beside it`,
    );
  }
  for (const { name, file } of tables) checkModalityName(file, name);
  return { labels, tables };
}

/** The table of labels: what is known of every example, in its order. */
interface Examples {
  readonly ids: readonly string[] | LazyTexts;
  readonly label: Label | null;
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly metadata: Readonly<Record<string, readonly string[]>>;
  /** For messages: the file's name, and where an example stands there. */
  readonly file: string;
  readonly placeOf: (row: number) => string;
  /** Of safetensors: what the modalities' files must name too. */
  readonly idsHash: string | null;
}

async function readExamples(table: Table, options: ResolvedLoadOptions): Promise<Examples> {
  const examples =
    table.extension === '.safetensors'
      ? await readPackedExamples(table.file, options)
      : await readKeyedExamples(table, options);
  if (examples.ids.length > 0) return examples;
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${table.file}: found a header but no rows, expected one an example`,
  );
}

/** Labels of a table of texts. */
async function readKeyedExamples(
  { file, extension }: Table,
  options: ResolvedLoadOptions,
): Promise<Examples> {
  const isCsv = extension === '.csv';
  const read = isCsv ? readTable : readParquetTable;
  let columns: readonly string[] = [];
  const ids: string[] = [];
  const lines: number[] = [];
  const rows: (readonly string[])[] = [];
  const visitor: TableVisitor = {
    columns(names) {
      columns = names;
      return false;
    },
    row(id, cells, line) {
      ids.push(id);
      lines.push(line);
      rows.push(cells);
    },
  };
  await read(file, visitor, options.signal);
  const column = (name: string): string[] => {
    const index = columns.indexOf(name);
    return rows.map((cells) => cells[index] ?? '');
  };
  const unit = isCsv ? 'line' : 'row';
  const fileName = path.basename(file);
  const where = (row: number): string => placeOf(file, lines[row] ?? 0, ids[row] ?? null, unit);
  const labelColumn = findLabelColumn(file, columns, options);
  const label =
    labelColumn === null ? null : makeLabel(labelColumn, column(labelColumn), options, where);
  // Unlabelled examples need no split: prediction takes them all.
  if (!columns.includes('split') && options.requireLabel)
    throw missingColumn(file, 'split', columns);
  const names = columns.includes('split') ? column('split').map((name) => name.trim()) : [];
  const others = columns.filter((name) => !['id', 'split', label?.name].includes(name));
  return {
    ids,
    label,
    splits: groupSplits(names, where),
    metadata: Object.fromEntries(others.map((name) => [name, column(name)])),
    file: fileName,
    placeOf: (row) => placeOf(fileName, lines[row] ?? 0, null, unit),
    idsHash: null,
  };
}

async function readPackedExamples(file: string, options: ResolvedLoadOptions): Promise<Examples> {
  const { ids, columns, splits, idsHash } = await readPackedLabels(file);
  const labelColumn = findLabelColumn(file, [...columns.keys()], options);
  const cells = labelColumn === null ? undefined : columns.get(labelColumn);
  const where = (row: number): string => `${file}, row ${String(row)}`;
  const label =
    labelColumn === null || cells === undefined
      ? null
      : makeLabel(labelColumn, 'read' in cells ? cells.read() : cells, options, where);
  const metadata = {};
  for (const [name, column] of columns) {
    if (name !== label?.name) defineLazily(metadata, name, column);
  }
  const name = path.basename(file);
  const placeOfRow = (row: number): string => placeOf(name, row, null, 'row');
  return { ids, label, splits, metadata, file: name, placeOf: placeOfRow, idsHash };
}

/** A property whose texts are decoded when it is first read. */
function defineLazily(target: object, name: string, column: Float64Array | LazyTexts): void {
  let cells: readonly string[] | undefined;
  Object.defineProperty(target, name, {
    enumerable: true,
    get: () => (cells ??= 'read' in column ? column.read() : Array.from(column, String)),
  });
}

async function readModality(
  { name, file, extension }: Table,
  examples: Examples,
  { nonFinite, signal }: ResolvedLoadOptions,
  notes: string[],
): Promise<Modality> {
  const { ids, idsHash } = examples;
  if (extension === '.safetensors') return readPackedModality(file, name, ids.length, idsHash);
  const known = { ...examples, ids: 'read' in ids ? ids.read() : ids };
  const isCsv = extension === '.csv';
  const table = new ModalityTable(file, name, known, nonFinite, isCsv ? 'line' : 'row');
  await (isCsv ? readTable : readParquetModality)(file, table, signal);
  notes.push(...table.notes());
  return table.finish();
}
