import { z } from 'zod';

import { noiseKindSchema, type NoiseKind } from '../config';
import { describeProblems } from '../problems';
import { CmirError } from '../errors';
import { expectedOneOf } from '../suggest';
import type { NativeNoise } from '../../binding';

/** Noise of test sets: that of training, and time steps or modalities that are replaced or missing. */
export type EvaluationNoiseKind = NoiseKind | 'replace' | 'frame' | 'block' | 'modality';

/** In the order of tables. */
export const EVALUATION_KINDS: readonly EvaluationNoiseKind[] = [
  ...noiseKindSchema.options,
  'replace',
  'frame',
  'block',
  'modality',
];

/** Whether its intensity is in standard deviations; else it is a probability. */
export function isAdditive(kind: EvaluationNoiseKind): boolean {
  return kind === 'gaussian' || kind === 'laplace';
}

/**
 * Noise on the standardised features of an evaluation, of which 0 is the mean. It depends on `seed`, `kind`, each
 * example's id and each modality's name, and on nothing else (of drop: on the modality's place in the model): it is
 * the same for every model, device and batch. There is one draw for all intensities: what is erased at one is
 * erased at every higher one. At intensity s:
 *
 * - `gaussian`, `laplace`: s standard deviations of noise are added
 * - `erase`: a value becomes the mean with probability min(s, 0.95), as in training
 * - `drop`: a modality becomes the mean with that probability, but never all of an example's
 * - `replace`: a time step becomes N(0, 1) in every feature with probability s
 * - `frame`: a time step becomes the mean with probability s
 * - `block`: one stretch of round(s T) of an example's T time steps, at a random place, becomes the mean
 * - `modality`: a modality becomes the mean with probability s, all of an example's too
 *
 * The features of a whole utterance are one time step.
 */
export interface Noise {
  /** What the noise does. */
  readonly kind: EvaluationNoiseKind;
  /** Standard deviations (gaussian, laplace) or a probability from 0 to 1. */
  readonly intensity: number;
  /** Key of the draws. Default 0. */
  readonly seed?: number;
  /** Names of the modalities it is on. Default: all. */
  readonly modalities?: readonly string[];
}

const noiseSchema = z
  .strictObject({
    kind: z.enum(EVALUATION_KINDS),
    intensity: z.number().nonnegative(),
    seed: z.int().nonnegative().default(0),
    modalities: z.array(z.string()).nonempty().optional(),
  })
  .superRefine(({ kind, intensity }, context) => {
    if (isAdditive(kind) || intensity <= 1) return;
    const input = intensity;
    context.addIssue({ code: 'too_big', origin: 'number', maximum: 1, path: ['intensity'], input });
  });

/** Names the option in what is wrong with it. */
const optionsSchema = z.strictObject({ noise: noiseSchema });

/** The noise as the engine takes it. Throws ERR_CMIR_USAGE, naming what is wrong. */
export function checkNoise(noise: Noise, modalities: readonly string[]): NativeNoise {
  const { success, data, error } = optionsSchema.safeParse({ noise });
  if (!success) {
    const keys = Object.keys(noiseSchema.shape).map((key) => `noise.${key}`);
    throw new CmirError('ERR_CMIR_USAGE', describeProblems(error, { noise }, keys));
  }
  const names = data.noise.modalities ?? null;
  if (names !== null) checkNames(names, modalities);
  return { ...data.noise, modalities: names };
}

/** Throws ERR_CMIR_USAGE unless each of `names` is one of `known`, and none comes twice. */
function checkNames(names: readonly string[], known: readonly string[]): void {
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) !== i) {
      throw new CmirError('ERR_CMIR_USAGE', `noise.modalities: found '${name}' twice`);
    }
    if (known.includes(name)) continue;
    throw new CmirError(
      'ERR_CMIR_USAGE',
      `noise.modalities: found '${name}', ${expectedOneOf(name, known)}`,
    );
  }
}
