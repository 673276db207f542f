import { CmirError } from '../../errors';
import { elementsOf, type TextArray } from '../storage/array';
import { shortest } from '../storage/shortest';
import type { Field } from '../parts';
import { describe, IDS, LABELS, type Piece } from './fields';

/** The ids of a part: its own, or made up from split and row. */
export async function idsOf({ split, fields, size, where }: Piece): Promise<string[]> {
  const field = IDS.map((name) => fields.get(name)).find((found) => found !== undefined);
  if (field !== undefined) return (await cellsOf(field, size, `${where}, id`, '_'))[0] ?? [];
  const digits = String(size).length;
  return Array.from(
    { length: size },
    (_, row) => `${split ?? 'row'}-${String(row + 1).padStart(digits, '0')}`,
  );
}

/** One text an example: those of further axes are joined. */
function joinTexts({ shape, values }: TextArray, separator: string): string[] {
  const width = elementsOf(shape.slice(1));
  if (width === 1) return [...values];
  return Array.from({ length: shape[0] ?? 0 }, (_, row) =>
    values.slice(row * width, (row + 1) * width).join(separator),
  );
}

/** The columns of a field, as text, over all parts. A part that lacks the field has empty cells. */
export async function readColumns(
  pieces: readonly Piece[],
  name: string,
): Promise<Map<string, readonly string[]>> {
  const first = LABELS.get(name) ?? name;
  const columns = new Map<string, string[]>();
  let rows = 0;
  for (const { fields, size, where } of pieces) {
    const cells = await cellsOf(fields.get(name), size, `${where}, ${name}`);
    cells.forEach((values, index) => {
      const column = index === 0 ? first : `${first}_${String(index)}`;
      const all = columns.get(column) ?? new Array<string>(rows).fill('');
      columns.set(column, all.concat(values));
    });
    rows += size;
    for (const [column, values] of columns) {
      if (values.length < rows) {
        columns.set(column, values.concat(new Array<string>(rows - values.length).fill('')));
      }
    }
  }
  return columns;
}

/** A field's columns, each of `size` cells. */
async function cellsOf(
  field: Field | undefined,
  size: number,
  where: string,
  separator = ' ',
): Promise<string[][]> {
  if (field === undefined) return [];
  if (field.kind === 'texts') return [joinTexts(field, separator)];
  if (field.kind === 'frames') {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: found ${describe(field)}, expected one label, or a row of them, an example`,
    );
  }
  const width = field.rowSize;
  const single = field.type === 'float32' || field.type === 'float16' || field.type === 'bfloat16';
  const values = await field.float64();
  return Array.from({ length: width }, (_, column) =>
    Array.from({ length: size }, (__, row) =>
      shortest(values[row * width + column] as number, single),
    ),
  );
}
