import type { ModalityFacts } from './features';
import type { LabelFacts } from './label';

/** What is in a data set. */
export interface Inspection {
  /** Number of examples. */
  readonly examples: number;
  /** Examples by split. */
  readonly splits: Readonly<Record<string, number>>;
  /** By the modality's name. */
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
