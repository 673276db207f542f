import { z } from 'zod';

import type { Config } from '../config';
import type { Dataset, Modality, Split } from '../data/dataset';
import { CmirError } from '../errors';
import { metricNames, robustBase } from '../metrics';
import { didYouMean } from '../suggest';

/** One vector of `features` values an example, or with `sequence` any number of such frames. */
export interface ModalityShape {
  /** The modality's name. */
  readonly name: string;
  /** Width: features of an example, or of one frame. */
  readonly features: number;
  /** Whether it holds frames, which are pooled. */
  readonly sequence: boolean;
}

/** What a model was made for: the part of a data set that must not change between training and use. */
export interface ModelShape {
  /** Of the label. */
  readonly task: 'regression' | 'classification';
  /** Name of the label column. */
  readonly label: string;
  /** Class names in index order; null for regression. */
  readonly classes: readonly string[] | null;
  /** In the order of their names. */
  readonly modalities: readonly ModalityShape[];
  /** Width of the head's output. */
  readonly outputs: number;
}

const width = z.int().positive();

const modalitySchema = z.strictObject({
  name: z.string(),
  features: width,
  sequence: z.boolean().default(false).describe('absent where runs are older than sequences'),
});

/** A shape as checkpoints hold it. */
export const shapeSchema: z.ZodType<ModelShape> = z.strictObject({
  task: z.enum(['regression', 'classification']),
  label: z.string(),
  classes: z.array(z.string()).nullable(),
  modalities: z.array(modalitySchema).min(1),
  outputs: width,
});

/** The shape a data set asks for. Throws ERR_CMIR_DATA without labels. */
export function shapeOf(dataset: Dataset): ModelShape {
  const { label, modalities } = dataset;
  if (label === null) {
    throw new CmirError('ERR_CMIR_DATA', `${dataset.name}: no labels, which training needs`);
  }
  const classes = label.classes ?? null;
  return {
    task: label.task,
    label: label.name,
    classes,
    modalities: modalities.map(modalityShape),
    outputs: classes?.length ?? 1,
  };
}

function modalityShape({ name, features, offsets }: Modality): ModalityShape {
  return { name, features, sequence: offsets !== undefined };
}

/** Throws ERR_CMIR_MISMATCH, naming expected and found, unless the modalities are those of the model, in any order. */
export function checkModalities(shape: ModelShape, dataset: Dataset): void {
  const list = (modalities: ModelShape['modalities']): string =>
    modalities
      .map(({ name, features, sequence }) =>
        sequence ? `${name} (sequence of ${String(features)})` : `${name} (${String(features)})`,
      )
      .sort()
      .join(', ');
  const [expected, found] = [list(shape.modalities), list(dataset.modalities.map(modalityShape))];
  if (expected !== found) {
    throw new CmirError(
      'ERR_CMIR_MISMATCH',
      `${dataset.name}: its modalities do not fit the model: found ${found}; expected ${expected}`,
    );
  }
}

/** Throws ERR_CMIR_MISMATCH unless labels of these classes have the model's indices. */
export function checkClasses(
  shape: ModelShape,
  classes: readonly string[] | null,
  name: string,
): void {
  const list = (names: readonly string[] | null): string => JSON.stringify(names ?? []);
  if (list(classes) !== list(shape.classes)) {
    throw new CmirError(
      'ERR_CMIR_MISMATCH',
      `${name}: its classes are not those of the model: found ${list(classes)}; ` +
        `expected ${list(shape.classes)}, in this order`,
    );
  }
}

/** The configuration with every `auto` decided by the data and the machine, and every rule about both checked. */
export function decide(config: Config, shape: ModelShape, cudaDevices: number): Config {
  const { task } = shape;
  const loss =
    config.prediction.loss !== 'auto'
      ? config.prediction.loss
      : task === 'regression'
        ? 'l1'
        : 'crossEntropy';
  if ((loss === 'crossEntropy') !== (task === 'classification')) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `prediction.loss: found ${loss}, but the labels '${shape.label}' make it a ${task}; ` +
        (task === 'regression' ? 'expected l1 or mse' : 'expected crossEntropy'),
    );
  }
  const metric =
    config.training.metric !== 'auto'
      ? config.training.metric
      : task === 'regression'
        ? 'MAE'
        : 'Acc';
  const known = metricNames(task);
  if (!known.includes(robustBase(metric) ?? metric)) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `training.metric: found '${metric}', expected auto or one of ${known.join(', ')} for ${task}, or robust before one, as in robust${known[0] ?? ''}${didYouMean(metric, known)}`,
    );
  }
  const device = config.device !== 'auto' ? config.device : cudaDevices > 0 ? 'cuda:0' : 'cpu';
  const index = /^cuda(?::(\d+))?$/.exec(device);
  if (index !== null && Number(index[1] ?? 0) >= cudaDevices) {
    throw new CmirError(
      'ERR_CMIR_DEVICE',
      `device: found '${device}', but LibTorch sees ${String(cudaDevices)} CUDA devices; ` +
        'use cpu, or see: npx cmir doctor',
    );
  }
  return {
    ...config,
    task,
    device,
    data: { ...config.data, label: shape.label },
    prediction: { ...config.prediction, loss },
    training: { ...config.training, metric },
  };
}

/**
 * Labels of a split's rows, in order. Throws ERR_CMIR_DATA where there are none, ERR_CMIR_MISMATCH for labels of another
 * task or other classes than the model's.
 */
export function targetsOf(shape: ModelShape, { dataset, rows }: Split): Float32Array {
  const { label, name } = dataset;
  if (label === null) {
    throw new CmirError('ERR_CMIR_DATA', `${name}: no labels to evaluate against`);
  }
  if (label.task !== shape.task) {
    throw new CmirError(
      'ERR_CMIR_MISMATCH',
      `${name}: labels '${label.name}' are for ${label.task}, the model is for ${shape.task}`,
    );
  }
  checkClasses(shape, label.classes ?? null, name);
  return Float32Array.from(rows, (row) => label.values[row] as number);
}
