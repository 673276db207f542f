import { CmirError } from '../errors';
import { didYouMean } from '../suggest';

/** float32 values, row-major and little-endian, that stay in a file and are mapped from there. */
export interface FileValues {
  /** The file. */
  readonly path: string;
  /** Where they begin, in bytes. */
  readonly offset: number;
  /** Number of values. */
  readonly length: number;
  /** SHA-256 of their bytes, in hexadecimal, as written with them. */
  readonly sha256: string;
}

/** Features of one modality: a vector an example, or a sequence of frames an example. */
export interface Modality {
  /** Any name without a dot. */
  readonly name: string;
  /** Width: features of an example, or of one frame. */
  readonly features: number;
  /** [examples, features] row-major; of a sequence the frames of all examples one after another, [frames, features]. */
  readonly values: Float32Array;
  /** Where the values lie in a file: to ask for `values` then reads all of them into memory. */
  readonly file?: FileValues;
  /** Of a sequence, [examples + 1]: example i has the frames offsets[i] to offsets[i + 1], maybe none. */
  readonly offsets?: Float64Array;
  /** Names of the feature columns, where the source has them. */
  readonly columns?: readonly string[];
  /** Whether NaN stands for a value that the source says is missing; else it is a mistake. */
  readonly nanIsMissing?: boolean;
}

/** One target an example: the value itself, or the index into `classes`. */
export interface Label {
  /** Of the column it was read from. */
  readonly name: string;
  /** What is predicted: a number, or one of `classes`. */
  readonly task: 'regression' | 'classification';
  /** [examples], values or class indices. */
  readonly values: Float32Array;
  /** Class names in index order; only for classification. */
  readonly classes?: readonly string[];
}

/** True causal and spurious factors of synthetic data, each [examples, width] row-major. */
export type Factors = Readonly<
  Record<string, { readonly width: number; readonly values: Float32Array }>
>;

/** What a data set is made of. */
export interface DatasetFields {
  /** Short name for messages: a path or `synthetic`. */
  readonly name: string;
  /** One an example, unique; or, where decoding them would take long, what gives them when they are asked for. */
  readonly ids: readonly string[] | LazyTexts;
  /** At least one, their names unique. */
  readonly modalities: readonly Modality[];
  /** Null where the source has no labels (prediction only). */
  readonly label: Label | null;
  /** Row indices by split name, in the order of the source. */
  readonly splits: ReadonlyMap<string, Int32Array>;
  /** Other columns, as text, one entry an example. */
  readonly metadata?: Readonly<Record<string, readonly string[]>>;
  /** True factors, of synthetic data. */
  readonly factors?: Factors;
  /** What the reader did to the data, or left out, in sentences. */
  readonly notes?: readonly string[];
}

/** Texts that are decoded when they are first asked for. */
export interface LazyTexts {
  /** How many there are. */
  readonly length: number;
  /** Decodes all of them. */
  read(): readonly string[];
}

/** Some rows of a data set. */
export interface Split {
  /** The data set it is of. */
  readonly dataset: Dataset;
  /** Such as train, valid, test, shifted, or all. */
  readonly name: string;
  /** Row numbers in `dataset`. */
  readonly rows: Int32Array;
}

/** The one data set type: every format is read into it, training and prediction take it. */
export class Dataset implements DatasetFields {
  /** Short name for messages. */
  readonly name: string;
  /** In the order of their names. */
  readonly modalities: readonly Modality[];
  /** Null where the source has no labels. */
  readonly label: Label | null;
  /** Row numbers by split. */
  readonly splits: ReadonlyMap<string, Int32Array>;
  /** Other columns of the source, as text, one entry an example. */
  readonly metadata: Readonly<Record<string, readonly string[]>>;
  /** True factors of synthetic data; empty for any other. */
  readonly factors: Factors;
  /** What reading did to the data, or left out, in sentences. */
  readonly notes: readonly string[];
  #ids: readonly string[] | LazyTexts;

  constructor(fields: DatasetFields) {
    this.name = fields.name;
    this.#ids = fields.ids;
    this.modalities = fields.modalities;
    this.label = fields.label;
    this.splits = fields.splits;
    this.metadata = fields.metadata ?? {};
    this.factors = fields.factors ?? {};
    this.notes = fields.notes ?? [];
  }

  /** One an example, unique. */
  get ids(): readonly string[] {
    if ('read' in this.#ids) this.#ids = this.#ids.read();
    return this.#ids;
  }

  /** Number of examples. */
  get size(): number {
    return this.#ids.length;
  }

  /** The same data with other fields in place of some; ids stay undecoded. */
  with(fields: Partial<DatasetFields>): Dataset {
    const { name, modalities, label, splits, metadata, factors, notes } = this;
    const own = { name, ids: this.#ids, modalities, label, splits, metadata, factors, notes };
    return new Dataset({ ...own, ...fields });
  }

  /** The split `train`. Throws ERR_CMIR_DATA where there is none. */
  get train(): Split {
    return this.split('train');
  }

  /** The split `valid`. Throws ERR_CMIR_DATA where there is none. */
  get valid(): Split {
    return this.split('valid');
  }

  /** The split `test`. Throws ERR_CMIR_DATA where there is none. */
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
      const known = [...this.splits.keys()];
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${this.name}: no split '${name}'; it has ${known.join(', ') || 'none'}${didYouMean(name, known)}`,
      );
    }
    return { dataset: this, name, rows };
  }
}
