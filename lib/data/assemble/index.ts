import { CmirError } from '../../errors';
import { checkDataset } from '../check';
import { Dataset, type Modality } from '../dataset';
import { findLabelColumn, makeLabel } from '../label';
import type { ResolvedLoadOptions } from '../options';
import type { Field, Part } from '../parts';
import { canonicalSplit, groupSplits, SPLIT_NAMES } from '../splits';
import { idsOf, readColumns } from './columns';
import { LABELS, SPLITS, sortFields, type Fields, type Piece } from './fields';
import { readModality } from './modalities';

/** What a format knows of its files besides their content. */
export interface AssembleHints {
  /** What the format did or left out, in sentences. */
  readonly notes?: readonly string[];
  /** Infinite features become 0, as all loaders of MMSA's pickles have it; a note says how many. */
  readonly zeroInfinity?: boolean;
}

/**
 * Makes a data set of what a file holds, by the names and shapes of its fields; both are the file's own, no
 * published table is asked. Parts are put in the order train, valid, test, shifted and modalities in the order of
 * their names, so that the same content gives the same data set whatever it was stored in.
 *
 *     id, ids                              one an example; made up from split and row where absent
 *     split                                where the file has no parts by split
 *     label, labels, regression_labels...  label columns: [N], [N, 1] or [N, k]
 *     other texts and numbers [N]          columns, which data.label may name
 *     numbers [N, D]                       a modality
 *     numbers [N, T, D], lists of [n, D]   a modality of sequences
 *     <modality>_lengths, _mask            frames of each example; see joinFrames for files without
 *     <modality>_offsets                   then <modality> is [frames, D], example after example
 *     <modality>_missing                   not 0 where an example, or a value of [N, D] or [frames, D], is missing
 *     <modality>_columns                   names of its features
 *
 * Throws ERR_CMIR_DATA that names the field for counts that do not agree, shapes that differ between parts, and
 * all that checkDataset refuses.
 */
export async function assemble(
  source: string,
  parts: readonly Part[],
  options: ResolvedLoadOptions,
  hints: AssembleHints = {},
): Promise<Dataset> {
  const notes = [...(hints.notes ?? [])];
  const pieces = orderParts(source, parts, notes);
  const names = [...new Set(pieces.flatMap(({ fields }) => [...fields.keys()]))];
  const roles = sortFields(pieces, names, notes);

  const ids = (await Promise.all(pieces.map(idsOf))).flat();
  const rowNames = pieces.flatMap(({ where, size }) =>
    Array.from({ length: size }, (_, row) => `${where}, row ${String(row)}`),
  );
  const where = (row: number): string => `${rowNames[row] ?? source} (id ${ids[row] ?? ''})`;
  const columns = new Map<string, readonly string[]>();
  for (const name of roles.columns) {
    for (const [column, cells] of await readColumns(pieces, name)) columns.set(column, cells);
  }
  const modalities: Modality[] = [];
  const finite = new Set<string>();
  for (const name of roles.modalities.sort()) {
    const { modality, isFinite } = await readModality(
      pieces,
      name,
      hints.zeroInfinity ?? false,
      notes,
    );
    modalities.push(modality);
    if (isFinite) finite.add(name);
  }
  const labelColumn = findLabelColumn(source, [...columns.keys()], {
    ...options,
    label: options.label === null ? null : (LABELS.get(options.label) ?? options.label),
  });
  const label =
    labelColumn === null
      ? null
      : makeLabel(labelColumn, columns.get(labelColumn) ?? [], options, where);
  if (label !== null) columns.delete(label.name);

  const dataset = new Dataset({
    name: source,
    ids,
    modalities,
    label,
    splits: splitRows(pieces, where),
    metadata: Object.fromEntries(columns),
    notes,
  });
  checkDataset(dataset, options, finite);
  return dataset;
}

/** Parts in the order of our splits; those of unknown splits are left out, which a note says. */
function orderParts(source: string, parts: readonly Part[], notes: string[]): Piece[] {
  const known = parts.flatMap(({ split, fields }) => {
    const name = split === null ? null : canonicalSplit(split);
    if (name === undefined) {
      notes.push(
        `split '${split ?? ''}' is left out: known are ${SPLIT_NAMES.join(', ')} and their usual other names`,
      );
      return [];
    }
    const where = split === null ? source : `${source}, ${split}`;
    return [{ split: name, fields, where, size: sizeOf(where, fields) }];
  });
  const rank = ({ split }: Piece): number => SPLIT_NAMES.indexOf(split as 'train');
  return known.sort((a, b) => rank(a) - rank(b));
}

/** The number of examples that all fields agree on. */
function sizeOf(where: string, fields: Fields): number {
  let first: { name: string; size: number } | undefined;
  for (const [name, field] of fields) {
    const size = examplesIn(name, field, fields);
    if (size === null) continue;
    first ??= { name, size };
    if (size !== first.size) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${where}, ${name}: found ${String(size)} examples, expected ${String(first.size)} as in ${first.name}`,
      );
    }
  }
  if (first === undefined) {
    throw new CmirError('ERR_CMIR_DATA', `${where}: found no arrays, expected one a modality`);
  }
  return first.size;
}

/** Entries of a field, one an example; null for a field that is not by example. */
function examplesIn(name: string, field: Field, fields: Fields): number | null {
  if (/_(?:columns|missing)$/.test(name) || fields.has(`${name}_offsets`)) return null;
  if (field.kind === 'frames') return field.arrays.length;
  const [rows] = field.shape;
  if (rows === undefined) return null;
  return name.endsWith('_offsets') && fields.has(name.slice(0, -'_offsets'.length))
    ? Math.max(0, rows - 1)
    : rows;
}

function splitRows(
  pieces: readonly Piece[],
  where: (row: number) => string,
): Map<string, Int32Array> {
  const names = pieces.flatMap(({ split, fields, size }) => {
    if (split !== null) return Array.from({ length: size }, () => split);
    const field = SPLITS.map((name) => fields.get(name)).find((found) => found !== undefined);
    return field?.kind === 'texts' ? field.values : [];
  });
  return groupSplits(names, where);
}
