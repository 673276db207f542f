import { resolveConfig, type Environment } from './config';
import { engineError } from './native/engine';
import { loadAddon } from './native/load';
import type { NativeLoss, NativeOps, NativeTensor } from '../binding';

/**
 * A row-major tensor of float32 or float64.
 * @interface
 */
export type Tensor = NativeTensor;

/**
 * A constraint's value and its gradient in each input it is differentiated in.
 * @interface
 */
export type Loss = NativeLoss;

/** The noise of `ops.perturb`. */
export interface PerturbOptions {
  /** K of them, 1 to 64. */
  readonly environments: readonly Environment[];
  /** Key of all draws. */
  readonly seed: number;
  /** Draws are fresh at each step. Default 0. */
  readonly step?: number;
  /** This modality's number among `modalities`. Default 0 of 1. */
  readonly modality?: number;
  /** Number of modalities, which `drop` chooses from. Default 1. */
  readonly modalities?: number;
  /** One key a row; default its number. */
  readonly keys?: Uint32Array;
}

/** Runs an operator, checks of its arguments included; what is refused becomes ERR_CMIR_USAGE. */
async function run<T>(work: (native: NativeOps) => Promise<T>): Promise<T> {
  const native = loadAddon().ops;
  try {
    return await work(native);
  } catch (cause) {
    throw engineError(cause, 'ERR_CMIR_USAGE', '');
  }
}

/** Lets the configuration's schema check environments alone. */
const NO_WEIGHTS = { invariance: 0, decorrelation: 0, reconstruction: 0 };

/** The constraint operators on typed arrays, off the event loop, in the inputs' own precision. */
export const ops = {
  /**
   * x [rows, features], standardised, to [1 + K, rows, features]: the clean input, then a noisy copy an environment.
   */
  perturb(x: Tensor, options: PerturbOptions): Promise<Tensor> {
    return run((native) => {
      const { seed, step = 0, modality = 0, modalities = 1, keys = null } = options;
      const environments = [...options.environments];
      resolveConfig({ environments, seed, weights: NO_WEIGHTS });
      return native.perturb(x, { environments, keys, seed, step, modality, modalities });
    });
  },

  /** R_inv of z [E, ...] with two environments or more: `2 / (E (E-1)) * sum_{i<j} mean |z_i - z_j|`. One gradient. */
  invariance(z: Tensor): Promise<Loss> {
    return run((native) => native.invariance(z));
  },

  /**
   * R_dec of invariant and spurious [E, B, d]: 1/(E B) * sum_e sum_ij w_ij^2 cos(inv_i, spu_j)^2 with w_ii = 1 and
   * w_ij = offDiagonal in [0, 1]. Two gradients.
   */
  decorrelation(invariant: Tensor, spurious: Tensor, offDiagonal: number): Promise<Loss> {
    return run((native) => native.decorrelation(invariant, spurious, offDiagonal));
  },

  /** R_rec of output [E, B, D] against a constant target [E, B, D] or [B, D]: their mean squared difference. One gradient. */
  reconstruction(output: Tensor, target: Tensor): Promise<Loss> {
    return run((native) => native.reconstruction(output, target));
  },
} as const;
