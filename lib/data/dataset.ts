import { CmirError } from '../errors';

/** Features of one modality for every example: `values` is [examples, features] row-major. */
export interface Modality {
  readonly name: string;
  readonly features: number;
  readonly values: Float32Array;
  /** Names of the feature columns, where the source has them. */
  readonly columns?: readonly string[];
}

/** One target an example: the value itself, or the index into `classes`. */
export interface Label {
  readonly name: string;
  readonly task: 'regression' | 'classification';
  readonly values: Float32Array;
  /** Class names in index order; only for classification. */
  readonly classes?: readonly string[];
}

/** True causal and spurious factors of synthetic data, each [examples, width] row-major. */
export type Factors = Readonly<
  Record<string, { readonly width: number; readonly values: Float32Array }>
>;

export interface DatasetFields {
  /** Short name for messages: a path or `synthetic`. */
  readonly name: string;
  readonly ids: readonly string[];
  readonly modalities: readonly Modality[];
  /** Null where the source has no labels (prediction only). */
  readonly label: Label | null;
  /** Row indices by split name, in the order of the source. */
  readonly splits: ReadonlyMap<string, Int32Array>;
  /** Other columns, as text, one entry an example. */
  readonly metadata?: Readonly<Record<string, readonly string[]>>;
  readonly factors?: Factors;
}

/** Some rows of a data set. */
export interface Split {
  readonly dataset: Dataset;
  readonly name: string;
  readonly rows: Int32Array;
}

/** The one data set type: every format is read into it, training and prediction take it. */
export class Dataset implements DatasetFields {
  readonly name: string;
  readonly ids: readonly string[];
  readonly modalities: readonly Modality[];
  readonly label: Label | null;
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly metadata: Readonly<Record<string, readonly string[]>>;
  readonly factors: Factors;

  constructor(fields: DatasetFields) {
    this.name = fields.name;
    this.ids = fields.ids;
    this.modalities = fields.modalities;
    this.label = fields.label;
    this.splits = fields.splits;
    this.metadata = fields.metadata ?? {};
    this.factors = fields.factors ?? {};
  }

  /** Number of examples. */
  get size(): number {
    return this.ids.length;
  }

  get train(): Split {
    return this.split('train');
  }

  get valid(): Split {
    return this.split('valid');
  }

  get test(): Split {
    return this.split('test');
  }

  /** All examples, whatever their split. */
  get all(): Split {
    return {
      dataset: this,
      name: 'all',
      rows: Int32Array.from({ length: this.size }, (_, i) => i),
    };
  }

  /** The split of that name. Throws ERR_CMIR_DATA, naming the splits there are. */
  split(name: string): Split {
    const rows = this.splits.get(name);
    if (rows === undefined) {
      const known = [...this.splits.keys()].join(', ') || 'none';
      throw new CmirError('ERR_CMIR_DATA', `${this.name}: no split '${name}'; it has ${known}`);
    }
    return { dataset: this, name, rows };
  }
}
