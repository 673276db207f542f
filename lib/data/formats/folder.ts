import * as path from 'node:path';

import { CmirError } from '../../errors';
import { closestTo } from '../../suggest';
import { checkModalityName, checkTargets } from '../check';
import { missingColumn, placeOf, readTable } from '../csv';
import { Dataset, type Label, type Modality } from '../dataset';
import { findLabelColumn, makeLabel } from '../label';
import type { ResolvedLoadOptions } from '../options';
import { groupSplits } from '../splits';
import type { Format } from './format';
import { ModalityTable } from './modality-table';

const LABELS_FILE = 'labels.csv';

/** The canonical folder: labels.csv (id, split, label, metadata) and one <modality>.csv a modality, joined by id. */
export const folder: Format = {
  name: 'folder',
  description: `a folder with ${LABELS_FILE} and one <modality>.csv a modality`,
  detect: ({ entries }) => entries !== null,
  async read({ path: source, entries }, options) {
    const modalityNames = listModalities(source, entries ?? []);
    const examples = await readExamples(path.join(source, LABELS_FILE), options);
    const modalities: Modality[] = [];
    const notes: string[] = [];
    // One after another: the first problem reported does not depend on timing, and one text is held at a time.
    for (const name of modalityNames) {
      const file = path.join(source, `${name}.csv`);
      const known = { ...examples, file: LABELS_FILE };
      const table = new ModalityTable(file, name, known, options.nonFinite);
      await readTable(file, table);
      modalities.push(table.finish());
      notes.push(...table.notes());
    }
    const { ids, label, splits, metadata } = examples;
    return new Dataset({ name: source, ids, modalities, label, splits, metadata, notes });
  },
};

/** labels.csv: what is known of every example, in its order. */
interface Examples {
  readonly ids: readonly string[];
  /** Line of labels.csv a row. */
  readonly lines: readonly number[];
  readonly label: Label | null;
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly metadata: Readonly<Record<string, readonly string[]>>;
}

function listModalities(source: string, files: readonly string[]): string[] {
  const fail = (problem: string): never => {
    throw new CmirError('ERR_CMIR_DATA', `${source}: ${problem}`);
  };
  if (!files.includes(LABELS_FILE)) {
    const nearest = closestTo(LABELS_FILE, files);
    fail(
      `found no ${LABELS_FILE}, expected ${folder.description}` +
        (nearest === undefined ? '' : `; rename ${nearest}?`),
    );
  }
  const names = files
    .filter((file) => file.endsWith('.csv') && file !== LABELS_FILE)
    .map((file) => path.basename(file, '.csv'));
  if (names.length === 0) {
    fail(`found ${LABELS_FILE} but no modality, expected at least one <modality>.csv beside it`);
  }
  for (const name of names) checkModalityName(path.join(source, `${name}.csv`), name);
  return names;
}

async function readExamples(file: string, options: ResolvedLoadOptions): Promise<Examples> {
  let columns: readonly string[] = [];
  const ids: string[] = [];
  const lines: number[] = [];
  const rows: (readonly string[])[] = [];
  await readTable(file, {
    columns(names) {
      columns = names;
      return false;
    },
    row(id, cells, line) {
      ids.push(id);
      lines.push(line);
      rows.push(cells);
    },
  });
  if (ids.length === 0) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${file}: found a header but no rows, expected one an example`,
    );
  }

  const column = (name: string): string[] => {
    const index = columns.indexOf(name);
    return rows.map((cells) => cells[index] ?? '');
  };
  const where = (row: number): string => placeOf(file, lines[row] ?? 0, ids[row] ?? null);
  const labelColumn = findLabelColumn(file, columns, options);
  const label =
    labelColumn === null ? null : makeLabel(labelColumn, column(labelColumn), options, where);
  // Unlabelled examples need no split: prediction takes them all.
  if (!columns.includes('split') && options.requireLabel)
    throw missingColumn(file, 'split', columns);
  const names = columns.includes('split') ? column('split').map((name) => name.trim()) : [];
  const splits = groupSplits(names, where);
  checkTargets(file, label, splits, options);
  const others = columns.filter((name) => !['id', 'split', label?.name].includes(name));
  return {
    ids,
    lines,
    label,
    splits,
    metadata: Object.fromEntries(others.map((name) => [name, column(name)])),
  };
}
