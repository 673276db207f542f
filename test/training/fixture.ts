import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Options } from '../../lib/config';
import type { Dataset } from '../../lib/data/dataset';
import { syntheticDataset } from '../../lib/data/synthetic';
import { CmirError } from '../../lib/errors';

/** Few examples and narrow features: an epoch takes milliseconds. */
export function tinyDataset(seed = 1): Dataset {
  return syntheticDataset({
    seed,
    modalities: { text: 6, audio: 4 },
    train: 60,
    valid: 24,
    test: 24,
    shifted: 20,
  });
}

/** A small model and few epochs; one thread, so that sums are taken in one order. */
export const TINY = {
  threads: 1,
  device: 'cpu',
  model: { hidden: 8, latent: 4 },
  environments: { count: 2 },
  training: { epochs: 4, batchSize: 16 },
} as const satisfies Options;

const created: string[] = [];

/** A path in a new temporary folder at which nothing is yet. */
export function freshPath(name = 'run'): string {
  const parent = mkdtempSync(join(tmpdir(), 'cmir-test-'));
  created.push(parent);
  return join(parent, name);
}

export function removeFresh(): void {
  for (const folder of created.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** The CmirError that `act` throws or rejects with; fails for anything else. */
export async function errorOf(act: () => unknown): Promise<CmirError> {
  try {
    await act();
  } catch (error) {
    if (error instanceof CmirError) return error;
    throw error;
  }
  throw new Error('expected a CmirError, nothing was thrown');
}
