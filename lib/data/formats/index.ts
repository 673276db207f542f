import { folder } from './folder';
import type { Format } from './format';

export type { Format } from './format';

/** Every format that loadDataset tries, in this order. */
export const FORMATS: readonly Format[] = [folder];
