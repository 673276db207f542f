import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';

import { resolveConfig, type Config, type Options } from '../config';
import type { Dataset } from '../data/dataset';
import { CmirError } from '../errors';
import type { NativeState } from '../../binding';
import { isUnfinished, makeFolder, type FileContent } from './files';
import { decodeTensors, encodeTensors } from './safetensors';
import { shapeSchema, type ModelShape } from './shape';

/** Version of the files' layout; another one is refused. */
export const FORMAT = '1';

/** Names of the files in a run folder. */
export const FILES = {
  config: 'config.json',
  metrics: 'metrics.json',
  history: 'history.jsonl',
  model: 'model.safetensors',
  last: 'last.safetensors',
  progress: 'last.json',
  /** Of TensorBoard, which knows them by the name's middle; no host and time, so that runs are alike. */
  events: 'events.out.tfevents.cmir',
  /** Written by the program alone. */
  source: 'run.json',
} as const;

const count = z.int().nonnegative();

/** How far a run has come: with the last state, all that resuming needs. */
const progressSchema = z.strictObject({
  epoch: count.describe('epochs finished'),
  bestEpoch: count.describe('0 before the first'),
  bestScore: z.number(),
  stale: count.describe('epochs since the best'),
  stopped: z.boolean().default(false).describe('ended on request'),
  data: z.string().describe('hash of the data set trained on'),
});
export type Progress = Readonly<z.output<typeof progressSchema>>;

export interface Checkpoint {
  readonly state: NativeState;
  readonly config: Config;
  readonly shape: ModelShape;
}

function metadataOf(config: Config, shape: ModelShape): Record<string, string> {
  return {
    format: 'pt',
    cmir_format: FORMAT,
    config: JSON.stringify(config),
    shape: JSON.stringify(shape),
  };
}

/** Makes the folder of a new run. Throws ERR_CMIR_USAGE when it already holds something. */
export async function createRunFolder(folder: string): Promise<void> {
  await checkRunFolder(folder);
  await makeFolder(folder);
}

/** Throws ERR_CMIR_USAGE unless the folder is absent or empty. */
export async function checkRunFolder(folder: string): Promise<void> {
  const content = await readdir(folder).catch(() => []);
  if (content.length > 0) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${folder}: expected a new or empty folder, found ${content.slice(0, 3).join(', ')}; ` +
        'choose another, or continue the run in it (--resume; in a program resume: true)',
    );
  }
}

/** Whether a folder holds anything: then a run there is to be continued. */
export async function isInUse(folder: string): Promise<boolean> {
  return (await readdir(folder).catch((): string[] => [])).length > 0;
}

/** Files that a run writes before its first checkpoint is whole. */
const EARLY_FILES: readonly string[] = [FILES.config, FILES.history, FILES.events, FILES.source];

/**
 * True for the folder of a run that was killed before its first checkpoint: nothing is lost by beginning again.
 * Throws ERR_CMIR_CONFIG when that run was of another configuration.
 */
export async function hasOnlyBegun(folder: string, wanted: Config): Promise<boolean> {
  const content = await readdir(folder).catch(() => undefined);
  const isEarly = (name: string): boolean => EARLY_FILES.includes(name) || isUnfinished(name);
  if (content?.every(isEarly) !== true) return false;
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  // Lines of history belong to a checkpoint that someone has removed.
  if (content.includes(FILES.history) && (await read(FILES.history)) !== '') return false;
  if (content.includes(FILES.config)) {
    const saved: unknown = JSON.parse(await read(FILES.config));
    checkSameConfig(resolveConfig(saved as Options), wanted);
  }
  return true;
}

export function configFile(config: Config): FileContent {
  return { name: FILES.config, content: `${JSON.stringify(config, null, 2)}\n` };
}

/** The best model so far: parameters and normaliser alone. */
export function modelFile({ state, config, shape }: Checkpoint): FileContent {
  const metadata = metadataOf(config, shape);
  return { name: FILES.model, content: encodeTensors({ tensors: state.tensors, metadata }) };
}

/**
 * The state after an epoch, with the optimiser's. The tensors' file carries the progress too, so that one rename
 * makes the checkpoint, and no time, so that equal runs write equal bytes. last.json is a copy for people, which
 * adds the seconds.
 */
export function lastFiles(
  { state, config, shape }: Checkpoint,
  progress: Progress,
  seconds: number,
): FileContent[] {
  const metadata = {
    ...metadataOf(config, shape),
    step: String(state.step),
    progress: JSON.stringify(progress),
  };
  const copy = { step: state.step, ...progress, seconds };
  return [
    { name: FILES.last, content: encodeTensors({ tensors: state.tensors, metadata }) },
    { name: FILES.progress, content: `${JSON.stringify(copy, null, 2)}\n` },
  ];
}

/** Reads model.safetensors of a run. Throws ERR_CMIR_CHECKPOINT when it is missing or damaged. */
export async function readModel(folder: string): Promise<Checkpoint> {
  const { state, config, shape } = await readCheckpoint(join(folder, FILES.model));
  return { state, config, shape };
}

/** Reads last.safetensors of a run. Throws ERR_CMIR_CHECKPOINT when it is missing or damaged. */
export async function readLast(folder: string): Promise<Checkpoint & { progress: Progress }> {
  const path = join(folder, FILES.last);
  const { metadata, ...checkpoint } = await readCheckpoint(path);
  const progress = parseMetadata(metadata, 'progress', path, (value) =>
    progressSchema.parse(value),
  );
  const step = parseMetadata(metadata, 'step', path, (value) => count.parse(value));
  return { ...checkpoint, state: { ...checkpoint.state, step }, progress };
}

/** So many runs are named. */
const LISTED = 4;

/** What is there instead of the file `path` of a run folder. */
async function missing(path: string): Promise<string> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => undefined);
  if (names === undefined) {
    return `${folder}: found no such folder, expected that of a run, written by cmir train`;
  }
  const runs = names.filter((name) => existsSync(join(folder, name, FILES.config))).sort();
  const some = [...runs.slice(-LISTED), ...(runs.length > LISTED ? ['...'] : [])].join(', ');
  const hint = runs.length === 0 ? '' : `; it holds runs, name one: ${some}`;
  return `${path}: found no such file, expected one written by cmir train${hint}`;
}

async function readCheckpoint(
  path: string,
): Promise<Checkpoint & { metadata: Readonly<Record<string, string>> }> {
  const bytes = await readFile(path).catch(async (cause: unknown) => {
    throw new CmirError('ERR_CMIR_CHECKPOINT', await missing(path), { cause });
  });
  const { tensors, metadata } = decodeTensors(bytes, path);
  if (metadata['cmir_format'] !== FORMAT) {
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${path}: found format ${metadata['cmir_format'] ?? 'unknown'}, expected ${FORMAT}: not written by this cmir`,
    );
  }
  const shape = parseMetadata(metadata, 'shape', path, (value) => shapeSchema.parse(value));
  const config = parseMetadata(metadata, 'config', path, (value) =>
    resolveConfig(value as Options),
  );
  return { state: { step: 0, tensors: { ...tensors } }, config, shape, metadata };
}

/** What a file says of itself under `key`, as JSON that `check` accepts. */
function parseMetadata<T>(
  metadata: Readonly<Record<string, string>>,
  key: string,
  path: string,
  check: (value: unknown) => T,
): T {
  try {
    return check(JSON.parse(metadata[key] ?? ''));
  } catch (cause) {
    throw new CmirError('ERR_CMIR_CHECKPOINT', `${path}: its metadata has no readable '${key}'`, {
      cause,
    });
  }
}

/** Keys that may differ between a run and its continuation: they do not change what is computed before. */
const FREE_KEYS = ['training.epochs', 'device', 'threads'];

/** Throws ERR_CMIR_CONFIG when the rates of the steps so far would have been others with other epochs. */
function checkSameSchedule({ training: before }: Config, { training: now }: Config): void {
  if (before.epochs === now.epochs) return;
  if (before.schedule === 'constant' && before.warmup === 0) return;
  throw new CmirError(
    'ERR_CMIR_CONFIG',
    `--resume: training.epochs is ${String(now.epochs)}, but the run was started with ${String(before.epochs)}, ` +
      `which its learning rates depend on (training.schedule ${before.schedule}, training.warmup ` +
      `${String(before.warmup)}): resume it with training.epochs ${String(before.epochs)}, or start a new run`,
  );
}

/** Throws ERR_CMIR_CONFIG, naming the key, when a continuation asks for another configuration than the run's. */
export function checkSameConfig(saved: Config, wanted: Config): void {
  checkSameSchedule(saved, wanted);
  const [before, now] = [flatten(saved), flatten(wanted)];
  for (const key of new Set([...before.keys(), ...now.keys()])) {
    if (!FREE_KEYS.includes(key) && before.get(key) !== now.get(key)) {
      throw new CmirError(
        'ERR_CMIR_CONFIG',
        `--resume: ${key} is ${now.get(key) ?? 'absent'}, but the run was started with ${before.get(key) ?? 'none'}`,
      );
    }
  }
}

function flatten(value: object, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(value).flatMap(([key, inner]: [string, unknown]) =>
      typeof inner === 'object' && inner !== null
        ? [...flatten(inner, `${prefix}${key}.`)]
        : [[`${prefix}${key}`, JSON.stringify(inner)] as const],
    ),
  );
}

/**
 * A hash of all that training reads of a data set: ids, splits, labels and features. Features in a file are hashed
 * when it is written.
 */
export function fingerprint(dataset: Dataset): string {
  const hash = createHash('sha256');
  const bytes = (array: Float32Array | Float64Array | Int32Array): Uint8Array =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  hash.update(JSON.stringify([dataset.ids, [...dataset.splits.keys()], dataset.label?.name]));
  for (const rows of dataset.splits.values()) hash.update(bytes(rows));
  if (dataset.label !== null) hash.update(bytes(dataset.label.values));
  for (const modality of dataset.modalities) {
    const { name, features, file, offsets } = modality;
    hash.update(JSON.stringify([name, features]));
    hash.update(file === undefined ? bytes(modality.values) : file.sha256);
    if (offsets !== undefined) hash.update(bytes(offsets));
  }
  return hash.digest('hex');
}
