import { checkHeader, KeyedTable, type TableVisitor } from '../csv';
import { CmirError } from '../../errors';
import { FileBytes } from '../storage/bytes';
import { ParquetTable, type ParquetColumn } from '../storage/parquet';
import { FRAME_COLUMN, type ModalityTable } from './modality-table';

/** Reads a Parquet table as a CSV one is read: cells as text, a null as an empty cell; lines are its rows, from 1. */
export async function readParquetTable(
  file: string,
  visitor: TableVisitor,
  signal?: AbortSignal,
): Promise<void> {
  await using bytes = await FileBytes.open(file, signal);
  const table = await ParquetTable.open(bytes);
  const keyed = new KeyedTable(file, visitor);
  keyed.add(table.columns, 0);
  for (const [group, { first, rows }] of table.groups.entries()) {
    const columns: string[][] = [];
    for (let column = 0; column < table.columns.length; column += 1) {
      columns.push((await table.read(group, column)).texts());
    }
    for (let row = 0; row < rows; row += 1) {
      keyed.add(
        columns.map((cells) => cells[row] as string),
        first + row + 1,
      );
    }
  }
}

/** Reads a modality's Parquet table: numbers as they are stored, a null as a missing value. */
export async function readParquetModality(
  file: string,
  modality: ModalityTable,
  signal?: AbortSignal,
): Promise<void> {
  await using bytes = await FileBytes.open(file, signal);
  const table = await ParquetTable.open(bytes);
  const names = checkHeader(file, table.columns, 0);
  modality.columns(names);
  const idColumn = names.indexOf('id');
  const frameColumn = names.indexOf(FRAME_COLUMN);
  const places = modality.features.map((name) => names.indexOf(name));
  for (const [group, { first, rows }] of table.groups.entries()) {
    const ids = (await table.read(group, idColumn)).texts();
    const frames = frameColumn < 0 ? null : (await table.read(group, frameColumn)).texts();
    const features: Feature[] = [];
    for (const place of places)
      features.push(featureOf(await table.read(group, place), file, names[place] as string));
    for (let row = 0; row < rows; row += 1) {
      const id = (ids[row] as string).trim();
      const frame = frames === null ? null : (frames[row] as string).trim();
      modality.add(id, frame, first + row + 1, (feature) => (features[feature] as Feature)(row));
    }
  }
}

/** The value of a row; null for a missing one. */
type Feature = (row: number) => number | null;

function featureOf(column: ParquetColumn, file: string, name: string): Feature {
  const numbers = column.numbers();
  if (numbers === null) {
    throw new CmirError('ERR_CMIR_DATA', `${file}, column ${name}: found texts, expected numbers`);
  }
  return (row) => (column.isNull(row) ? null : (numbers[row] as number));
}
