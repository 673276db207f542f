import { CmirError } from '../errors';
import type { NativeState, NativeTensor } from '../../binding';

/** Tensors of a model by their names in model.safetensors, as float32, each checked when it is asked for. */
export class Weights {
  readonly #tensors: NativeState['tensors'];
  readonly #source: string;

  /** `source` names the model in messages. */
  constructor(tensors: NativeState['tensors'], source: string) {
    this.#tensors = tensors;
    this.#source = source;
  }

  /** The values of a tensor in row-major order. Throws ERR_CMIR_CHECKPOINT unless it is there with this shape. */
  get(name: string, shape: readonly number[]): Float32Array {
    const found = (this.#tensors as Partial<Record<string, NativeTensor>>)[name];
    const size = (dimensions: readonly number[]): string => `[${dimensions.join(', ')}]`;
    if (found === undefined || size(found.shape) !== size(shape)) {
      throw new CmirError(
        'ERR_CMIR_CHECKPOINT',
        `${this.#source}: found ${found === undefined ? 'no tensor' : `shape ${size(found.shape)} of`} '${name}', ` +
          `expected shape ${size(shape)}: its tensors do not fit its configuration; train the model again`,
      );
    }
    return Float32Array.from(found.data);
  }
}
