import { arch, cpus, platform, release } from 'node:os';

import type { Dataset } from '../data/dataset';
import { loadAddon } from '../native/load';
import { fingerprint } from '../training/checkpoint';
import { VERSION } from '../version';
import type { Provenance } from './results';

/** What an experiment on a data set is computed with, now and here. `command` is the command line, if there was one. */
export function provenanceOf(dataset: Dataset, command: string | null): Provenance {
  const { builtFor, threads } = loadAddon().describe();
  return {
    cmir: VERSION,
    libtorch: builtFor,
    node: process.versions.node,
    platform: `${platform()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    threads,
    date: new Date().toISOString(),
    command,
    data: fingerprint(dataset),
  };
}
