import type { Config } from '../config';
import { CmirError, messageOf, throwIfAborted } from '../errors';
import { loadModel } from '../training/load';
import type { Codes } from '../training/model';
import { openDataset, readSource } from '../training/source';
import type { MethodRun } from './chapter';
import { project, type Projection } from './pca';

/** What one model makes of the test split. */
export interface ModelView {
  readonly method: string;
  readonly seed: number;
  readonly task: 'regression' | 'classification';
  readonly label: string;
  /** Null for regression. */
  readonly classes: readonly string[] | null;
  /** [n]: label values or class indices. */
  readonly targets: Float32Array;
  readonly predictions: Float32Array;
  /** Codes of all modalities side by side, in their two main directions; of the first rows. */
  readonly invariant: Projection;
  readonly spurious: Projection;
}

export interface ModelOptions {
  readonly device?: Config['device'];
  readonly signal?: AbortSignal;
}

/** Rows of codes that are projected. */
const MOST_CODES = 1000;

/**
 * Predictions and codes of the first run of each method, at most `most` methods, on the test split of the data set
 * it was trained on. Notes say which models could not be looked at, and why.
 */
export async function viewModels(
  runs: readonly MethodRun[],
  most: number,
  options: ModelOptions,
): Promise<{ models: ModelView[]; notes: string[] }> {
  const models: ModelView[] = [];
  const notes: string[] = [];
  const methods = [...new Set(runs.map(({ method }) => method))];
  for (const method of methods.slice(0, most)) {
    throwIfAborted(options.signal);
    const run = runs.find((candidate) => candidate.method === method) as MethodRun;
    try {
      models.push(await viewModel(run, options));
    } catch (error) {
      if (!(error instanceof CmirError) || error.code === 'ERR_CMIR_ABORTED') throw error;
      notes.push(`Predictions and codes of ${method} are left out: ${messageOf(error)}.`);
    }
  }
  const others = methods.slice(most);
  if (others.length > 0 && most > 0) {
    notes.push(
      `Predictions and codes are those of ${String(most)} methods, without ${others.join(', ')}.`,
    );
  }
  return { models, notes };
}

async function viewModel(run: MethodRun, { device, signal }: ModelOptions): Promise<ModelView> {
  using model = await loadModel(run.folder, device === undefined ? {} : { device });
  const { task } = model.shape;
  const { data } = model.config;
  const classes = model.shape.classes ?? undefined;
  const path = await readSource(run.folder);
  const dataset = await openDataset(path, { ...data, task, classes, requireTrain: false });
  const split = dataset.split('test');
  if (dataset.label === null || split.rows.length === 0) {
    throw new CmirError('ERR_CMIR_DATA', `${dataset.name}: no test examples with labels`);
  }
  const { values } = dataset.label;
  const options = signal === undefined ? {} : { signal };
  const { predictions } = await model.predict(split, options);
  const rows = split.rows.slice(0, MOST_CODES);
  const codes = await model.encode({ ...split, rows }, options);
  return {
    method: run.method,
    seed: run.config.seed,
    task,
    label: model.shape.label,
    classes: model.shape.classes,
    targets: Float32Array.from(split.rows, (row) => values[row] as number),
    predictions,
    invariant: projectCodes(codes, 'invariant', rows.length),
    spurious: projectCodes(codes, 'spurious', rows.length),
  };
}

/** The codes of all modalities side by side, in their main directions. */
function projectCodes(codes: Codes, part: 'invariant' | 'spurious', rows: number): Projection {
  const parts = Object.values(codes).map((code) => code[part]);
  const widths = parts.map((values) => values.length / rows);
  const columns = widths.reduce((sum, width) => sum + width, 0);
  const all = new Float64Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row += 1) {
    for (const [i, values] of parts.entries()) {
      const width = widths[i] as number;
      all.set(values.subarray(row * width, (row + 1) * width), at);
      at += width;
    }
  }
  return project(all, rows, columns);
}
