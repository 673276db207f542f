import type { Dataset } from '../dataset';
import { lookAt, type ModalityFacts } from './features';
import type { Inspection } from './inspection';
import { factsOfLabel } from './label';
import { warningsOf } from './warnings';

export type { ModalityFacts } from './features';
export type { Inspection } from './inspection';
export type { HistogramBar, LabelFacts } from './label';

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
