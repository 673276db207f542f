import { cpus } from 'node:os';

import type { Dataset } from '../data/dataset';
import { loadAddon } from '../native/load';
import { fingerprint } from '../training/checkpoint';
import { VERSION } from '../version';
import type { Provenance } from './results';

/** What is computed with, here and now. `command` is the command line, where there is one. */
export function provenanceOf(dataset: Dataset, command: string | null): Provenance {
  const { builtFor, threads } = loadAddon().describe();
  return {
    cmir: VERSION,
    libtorch: builtFor,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads,
    date: new Date().toISOString(),
    command,
    data: fingerprint(dataset),
  };
}
