import type { Dataset } from '../dataset';
import type { ResolvedLoadOptions } from '../options';

/** One way a data set may lie on disk. A new format is a file here and a line in index.ts. */
export interface Format {
  readonly name: string;
  /** What it consists of, for messages. */
  readonly description: string;
  /** Whether `path`, which exists, looks like this format. Reads as little as it can. */
  detect(path: string): Promise<boolean>;
  /** Throws ERR_CMIR_DATA for whatever is not as it must be. */
  read(path: string, options: ResolvedLoadOptions): Promise<Dataset>;
}
