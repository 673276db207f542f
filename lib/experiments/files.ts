import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { unparse } from 'papaparse';

import { CmirError } from '../errors';
import { writeAtomically } from '../training/files';
import type { Sweep } from './results';

/** Names of the files that hold a sweep. */
export const SWEEP_FILES = { json: 'sweep.json', csv: 'sweep.csv' } as const;

/** Writes a sweep whole as JSON, and its rows as CSV, into a folder, which is made where there is none. */
export async function saveSweep(folder: string, sweep: Sweep): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new CmirError('ERR_CMIR_IO', `cannot make the folder ${folder}`, { cause });
  });
  await writeAtomically(join(folder, SWEEP_FILES.json), `${JSON.stringify(sweep, null, 2)}\n`);
  await writeAtomically(join(folder, SWEEP_FILES.csv), sweepCsv(sweep));
}

/** One line a method, set and metric, empty where a value is undefined; `values` are those of the runs. */
export function sweepCsv({ rows, sets }: Sweep): string {
  const setOf = new Map(sets.map((set) => [set.name, set]));
  const lines = rows.map(({ method, set, metric, mean, std, values, p }) => {
    const { split = '', noise = null } = setOf.get(set) ?? {};
    return {
      ...{ method, set, split, kind: noise?.kind ?? '', level: noise?.level ?? '' },
      modalities: noise === null ? '' : (noise.modalities?.join('+') ?? 'all'),
      ...{ metric, mean: mean ?? '', std: std ?? '', p: p ?? '' },
      values: values.map((value) => value ?? '').join(' '),
    };
  });
  return `${unparse(lines, { newline: '\n' })}\n`;
}
