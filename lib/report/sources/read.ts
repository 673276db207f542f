import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';

import { resolveConfig, type Config, type Options } from '../../config';
import { CmirError, messageOf } from '../../errors';
import { FILES } from '../../training/checkpoint';
import { readHistory, type EpochRecord } from '../../training/history';
import type { RunMetrics } from '../../training/evaluation';
import { RESULT_FILES, type ResultFiles } from './schemas';

/** A finished run, without its model. */
export interface RunFolder {
  readonly folder: string;
  readonly config: Config;
  readonly metrics: RunMetrics;
  readonly history: readonly EpochRecord[];
}

/** The run in a folder; undefined where there is none. Throws ERR_CMIR_CHECKPOINT for one that is damaged. */
export async function readRun(folder: string): Promise<RunFolder | undefined> {
  const metrics = (await readJson(join(folder, FILES.metrics), 'ERR_CMIR_CHECKPOINT')) as
    RunMetrics | undefined;
  const config = await readJson(join(folder, FILES.config), 'ERR_CMIR_CHECKPOINT');
  if (metrics === undefined || config === undefined) return undefined;
  return {
    folder,
    config: resolveConfig(config as Options),
    metrics,
    history: await readHistory(folder, metrics.epochs),
  };
}

/** The results in a folder, those that are there. Throws ERR_CMIR_DATA for a file that is not what its name says. */
export async function readResults(folder: string): Promise<ResultFiles> {
  const found: Record<string, unknown> = {};
  for (const [name, { file, schema }] of Object.entries(RESULT_FILES)) {
    const path = join(folder, file);
    const content = await readJson(path, 'ERR_CMIR_DATA');
    if (content !== undefined) found[name] = check(path, content, schema);
  }
  return found;
}

function check(path: string, content: unknown, schema: z.ZodType): unknown {
  const { success, data, error } = schema.safeParse(content);
  if (success) return data;
  const [issue] = error.issues;
  const where = issue?.path.join('.') ?? '';
  throw new CmirError(
    'ERR_CMIR_DATA',
    `${path}: not a result of cmir: ${where === '' ? '' : `${where}: `}${issue?.message ?? ''}`,
  );
}

/** Undefined where there is no such file. */
async function readJson(
  path: string,
  code: 'ERR_CMIR_CHECKPOINT' | 'ERR_CMIR_DATA',
): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const absent = ['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '');
    if (absent) return undefined;
    throw new CmirError('ERR_CMIR_IO', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CmirError(code, `${path}: expected JSON: ${messageOf(cause)}`, { cause });
  }
}
