import type { Dataset } from '../dataset';
import type { ResolvedLoadOptions } from '../options';

/** What there is to see of a path before anything is read. */
export interface Probe {
  readonly path: string;
  /** Names in the folder, sorted, hidden ones left out; null for a file. */
  readonly entries: readonly string[] | null;
  /** The first bytes of a file; none of a folder. */
  readonly head: Buffer;
}

/** One way a data set may lie on disk. A new format is a file here and a line in index.ts. */
export interface Format {
  readonly name: string;
  /** What it consists of, for messages. */
  readonly description: string;
  /** Whether the path looks like this format, by its content; its name says nothing. */
  detect(probe: Probe): boolean;
  /** Throws ERR_CMIR_DATA for whatever is not as it must be. */
  read(probe: Probe, options: ResolvedLoadOptions): Promise<Dataset>;
}
