import { KeyedTable, type TableVisitor } from './csv';
import type { ParquetColumn, ParquetTable } from './storage/parquet';

/** Rows whose cells are text at a time. */
const STEP = 1024;

/**
 * Reads a Parquet table as readTable() reads a CSV file of the same content; its lines are the rows, from 1.
 * Throws ERR_CMIR_DATA, naming file and row, for what readTable() refuses too.
 */
export async function readParquetTable(
  file: string,
  table: ParquetTable,
  visitor: TableVisitor,
): Promise<void> {
  const keyed = new KeyedTable(file, visitor);
  keyed.add(table.columns, 1);
  for (const [group, { first, rows }] of table.groups.entries()) {
    const columns: ParquetColumn[] = [];
    for (const column of table.columns.keys()) columns.push(await table.read(group, column));
    for (let begin = 0; begin < rows; begin += STEP) {
      const end = Math.min(rows, begin + STEP);
      const cells = columns.map((column) => column.texts(begin, end));
      for (let row = begin; row < end; row += 1) {
        keyed.add(
          cells.map((texts) => texts[row - begin] as string),
          first + row + 1,
        );
      }
    }
  }
}
