import type { Dataset } from '../dataset';
import { folder } from './folder';
import { pickle } from './pickle';
import type { Format } from './format';
import { npyFolder } from './npy-folder';
import { npz } from './npz';
import { writePacked } from './packed/write';
import { safetensors } from './safetensors';
import { writeCsv } from './write-csv';
import { writeNpzDataset } from './write-npz';
import { writeParquet } from './write-parquet';

export type { Format, Probe } from './format';

/** Every format that loadDataset tries, in this order. */
export const FORMATS: readonly Format[] = [npz, safetensors, pickle, npyFolder, folder];

/** The forms that data sets are written in. */
export const WRITE_FORMATS = ['csv', 'parquet', 'safetensors', 'npz'] as const;
/** A form that data sets are written in: csv, parquet, safetensors or npz. */
export type WriteFormat = (typeof WRITE_FORMATS)[number];

/** Each writes a data set to a path that is not there. */
export const WRITERS: Readonly<
  Record<WriteFormat, (target: string, dataset: Dataset) => Promise<void>>
> = {
  csv: writeCsv,
  parquet: writeParquet,
  safetensors: (target, dataset) => writePacked(target, [dataset]),
  npz: writeNpzDataset,
};
