import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Options } from '../../config';
import type { Dataset } from '../../data/dataset';
import { CmirError } from '../../errors';
import { fingerprint } from '../../training/checkpoint';
import { writeAtomically } from '../../training/files';
import { methodOptions, type Method } from '../methods';
import { mergeOptions, nestedOptions } from '../options';
import type { Trial } from '../results';
import { drawValues, type Space } from '../space';
import { FILES, TrialLog } from './trials';

/** The data set as selection may see it: without the rows of any split but train and valid. */
export function selectionData(dataset: Dataset): Dataset {
  const splits = ['train', 'valid'].map((name) => [name, dataset.split(name).rows] as const);
  return dataset.with({ splits: new Map(splits) });
}

/** Which options each trial has. */
export class Plan {
  readonly data: Dataset;
  readonly #method: Method;
  readonly #space: Space;
  readonly #options: Options;
  readonly #seed: number;

  constructor(data: Dataset, method: Method, space: Space, options: Options, seed: number) {
    this.data = data;
    this.#method = method;
    this.#space = space;
    this.#options = options;
    this.#seed = seed;
  }

  values(trial: number): Record<string, unknown> {
    return drawValues(this.#space, this.#seed, trial);
  }

  /** What the search found, to be laid over a user's options. */
  tuned(trial: number): Options {
    return nestedOptions(this.values(trial));
  }

  optionsOf(trial: number, seed: number): Options {
    const options = methodOptions(this.#method, this.#options, this.tuned(trial));
    return mergeOptions(options, { seed });
  }

  /** All that decides what trials come out. */
  describe(): unknown {
    return {
      method: this.#method.name,
      space: this.#space,
      options: this.#options,
      seed: this.#seed,
      data: fingerprint(this.data),
    };
  }
}

/** Where trials are kept, and those kept there before. */
export interface OpenLog {
  readonly log: TrialLog;
  readonly done: readonly Trial[];
}

/** Makes the folder, or checks that a resumed search is the one in it. */
export async function openLog(out: string, resume: boolean, plan: Plan): Promise<OpenLog> {
  const path = join(out, FILES.plan);
  const wanted = `${JSON.stringify(plan.describe(), null, 2)}\n`;
  const found = await readFile(path, 'utf8').catch(() => undefined);
  if (found !== undefined && !resume) {
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `${out}: holds a search; choose another folder, or continue it with --resume`,
    );
  }
  if (found !== undefined && found !== wanted) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `--resume: the search in ${out} is another one: its ${differing(found, wanted)} differ; see ${path}`,
    );
  }
  await mkdir(out, { recursive: true });
  await writeAtomically(path, wanted);
  const log = new TrialLog(out);
  return { log, done: await log.read() };
}

function differing(found: string, wanted: string): string {
  const [a, b] = [found, wanted].map((text) => JSON.parse(text) as Record<string, unknown>);
  return Object.keys(b ?? {})
    .filter((key) => JSON.stringify(a?.[key]) !== JSON.stringify(b?.[key]))
    .join(', ');
}
