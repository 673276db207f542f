import type { Dataset } from '../dataset';
import { lookAt, type ModalityFacts } from './features';
import { factsOfLabel, type LabelFacts } from './label';
import { warningsOf } from './warnings';

export type { ModalityFacts } from './features';
export type { HistogramBar, LabelFacts } from './label';

/** What is in a data set. */
export interface Inspection {
  readonly examples: number;
  /** Examples by split. */
  readonly splits: Readonly<Record<string, number>>;
  readonly modalities: Readonly<Record<string, ModalityFacts>>;
  /** Null without labels. */
  readonly label: LabelFacts | null;
  /** Other columns, any of which data.label may name. */
  readonly columns: readonly string[];
  /** What reading did to the data. */
  readonly notes: readonly string[];
  /** What may be wrong, and what to do about it, in sentences. */
  readonly warnings: readonly string[];
}

/**
 * Looks at every value of a data set once, in memory or in files, and tells what may be wrong with it. Throws
 * ERR_CMIR_DATA for files that cannot be read.
 */
export async function inspectDataset(dataset: Dataset): Promise<Inspection> {
  const hashes = new Uint32Array(2 * dataset.size);
  const modalities: Record<string, ModalityFacts> = {};
  for (const modality of dataset.modalities) {
    modalities[modality.name] = await lookAt(modality, hashes);
  }
  const facts = {
    examples: dataset.size,
    splits: Object.fromEntries([...dataset.splits].map(([name, rows]) => [name, rows.length])),
    modalities,
    label: factsOfLabel(dataset.label),
    columns: Object.keys(dataset.metadata),
    notes: dataset.notes,
  };
  return { ...facts, warnings: warningsOf(dataset, facts, hashes) };
}
