import { open, type FileHandle } from 'node:fs/promises';

import type { SchemaElement } from 'hyparquet' with { 'resolution-mode': 'import' };

/** A column to be written. Where it is not nullable, no cell may be null. */
export interface ParquetSpec {
  readonly name: string;
  readonly type: keyof typeof TYPES;
  readonly nullable?: boolean;
}

/** Cells of one column in one row group. */
export type ParquetCells =
  | readonly (string | null)[]
  | readonly (number | null)[]
  | Float32Array
  | Float64Array
  | Int32Array;

const TYPES = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  float32: { type: 'FLOAT' },
  float64: { type: 'DOUBLE' },
  int32: { type: 'INT32' },
} as const;

/**
 * Writes a table into a Parquet file, which must not be there, as row groups that come one after another; memory
 * holds one. The same content gives the same bytes.
 */
export async function writeParquetTable(
  path: string,
  columns: readonly ParquetSpec[],
  groups: Iterable<readonly ParquetCells[]> | AsyncIterable<readonly ParquetCells[]>,
): Promise<void> {
  // An ES module, which CommonJS can only import like this.
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const handle = await open(path, 'wx');
  try {
    const writer = new ByteWriter();
    const flush = async (): Promise<void> => {
      await writeAll(handle, writer.getBytes());
      writer.index = 0;
    };
    const table = new ParquetWriter({
      writer,
      schema: schemaOf(columns),
      statistics: false,
      createdBy: 'cmir',
    });
    for await (const cells of groups) {
      const columnData = columns.map(({ name, type }, column) => ({
        name,
        data: cells[column] as never,
        // Numbers seldom repeat; and a dictionary would take 0 and -0 for one.
        ...(type === 'text' ? {} : ({ encoding: 'PLAIN', codec: 'UNCOMPRESSED' } as const)),
      }));
      const rows = cells[0]?.length ?? 0;
      if (rows > 0) await table.write({ columnData, rowGroupSize: rows });
      await flush();
    }
    await table.finish();
    await flush();
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function schemaOf(columns: readonly ParquetSpec[]): SchemaElement[] {
  const elements = columns.map(({ name, type, nullable = false }): SchemaElement => ({
    name,
    repetition_type: nullable ? 'OPTIONAL' : 'REQUIRED',
    ...TYPES[type],
  }));
  return [{ name: 'root', num_children: columns.length }, ...elements];
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await handle.write(bytes, done, bytes.length - done)).bytesWritten;
  }
}
