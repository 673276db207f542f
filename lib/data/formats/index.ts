import type { Dataset } from '../dataset';
import { folder } from './folder';
import { pickle } from './pickle';
import type { Format } from './format';
import { writePacked } from './packed/write';
import { writeCsv } from './write-csv';

export type { Format, Probe } from './format';

/** Every format that loadDataset tries, in this order. */
export const FORMATS: readonly Format[] = [pickle, folder];

export const WRITE_FORMATS = ['csv', 'safetensors'] as const;
export type WriteFormat = (typeof WRITE_FORMATS)[number];

/** Each writes a data set to a path that is not there. */
export const WRITERS: Readonly<
  Record<WriteFormat, (target: string, dataset: Dataset) => Promise<void>>
> = {
  csv: writeCsv,
  safetensors: (target, dataset) => writePacked(target, [dataset]),
};
