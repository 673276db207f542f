import type { Config } from '../config';
import { CmirError } from '../errors';
import type { Checkpoint } from '../training/checkpoint';
import type { ModelShape } from '../training/shape';
import type { NativeState, NativeTensor } from '../../binding';

type Shape = readonly number[];

/** Tensors of a model by their names in model.safetensors, as float32, all there with their shapes. */
export class Weights {
  readonly #tensors: NativeState['tensors'];

  /** Throws ERR_CMIR_CHECKPOINT, naming `source`, for tensors that do not fit the configuration. */
  constructor({ state, config, shape }: Checkpoint, source: string) {
    this.#tensors = state.tensors;
    for (const [name, expected] of tensorShapes(config, shape)) {
      checkShape(name, this.#tensors[name], expected, source);
    }
  }

  /** The values of a tensor in row-major order. */
  get(name: string): Float32Array {
    return Float32Array.from((this.#tensors[name] as NativeTensor).data);
  }
}

function checkShape(
  name: string,
  found: NativeTensor | undefined,
  expected: Shape,
  source: string,
): void {
  const shown = (shape: Shape): string => `[${shape.join(', ')}]`;
  if (found !== undefined && shown(found.shape) === shown(expected)) return;
  const what = found === undefined ? 'no tensor' : `shape ${shown(found.shape)} of`;
  throw new CmirError(
    'ERR_CMIR_CHECKPOINT',
    `${source}: found ${what} '${name}', expected shape ${shown(expected)}: ` +
      'its tensors do not fit its configuration; train the model again',
  );
}

/** Names and shapes of all tensors of model.safetensors. */
function tensorShapes({ model }: Config, shape: ModelShape): [string, Shape][] {
  const { hidden, latent, pooling } = model;
  const linear = (layer: string, outputs: number, inputs: number): [string, Shape][] => [
    [`${layer}.weight`, [outputs, inputs]],
    [`${layer}.bias`, [outputs]],
  ];
  const ofModality = shape.modalities.flatMap(({ name, features, sequence }) => {
    const width = sequence && pooling === 'gru' ? hidden : features;
    return [
      [`normalizer.${name}.mean`, [features]],
      [`normalizer.${name}.std`, [features]],
      ...(sequence ? poolingShapes(`pooling.${name}`, features, model) : []),
      ...linear(`encoders.${name}.0`, hidden, width),
      ...linear(`encoders.${name}.3`, 2 * latent, hidden),
      ...linear(`decoders.${name}.0`, hidden, 2 * latent),
      ...linear(`decoders.${name}.2`, width, hidden),
    ] satisfies [string, Shape][];
  });
  return [
    ...ofModality,
    ...linear('head.0', hidden, shape.modalities.length * latent),
    ...linear('head.3', shape.outputs, hidden),
  ];
}

function poolingShapes(
  prefix: string,
  features: number,
  { pooling, hidden }: Config['model'],
): [string, Shape][] {
  if (pooling === 'mean') return [];
  if (pooling === 'attention') return [[`${prefix}.query`, [features]]];
  return [
    [`${prefix}.weight_ih_l0`, [3 * hidden, features]],
    [`${prefix}.weight_hh_l0`, [3 * hidden, hidden]],
    [`${prefix}.bias_ih_l0`, [3 * hidden]],
    [`${prefix}.bias_hh_l0`, [3 * hidden]],
  ];
}
