import type { Config } from '../../config';
import type { ModalityShape, ModelShape } from '../../training/shape';
import type { Weights } from '../weights';
import { GraphBuilder } from './builder';
import { LARGEST_FLOAT, type Graph } from './format';
import { POOLINGS, type Frames } from './pooling';

/** How one modality goes in, and its code comes out. */
interface ModalityNames extends ModalityShape {
  readonly input: string;
  /** Of a sequence: the input of its lengths. */
  readonly lengths?: string;
  /** The output that holds Z_inv. */
  readonly invariant: string;
}

/** The inference path of a model with the names of its inputs and outputs. */
export interface Inference {
  readonly graph: Graph;
  readonly modalities: readonly ModalityNames[];
  /** By what they hold: prediction (regression); logits and probabilities (classification). */
  readonly outputs: Readonly<Record<string, string>>;
}

interface Parts {
  readonly graph: GraphBuilder;
  readonly config: Config;
  readonly weights: Weights;
}

/**
 * Raw features to predictions, as Model.predict has them: standardising (values that are not finite become the mean),
 * pooling, encoders, head; and the invariant codes.
 */
export function inferenceOf(config: Config, shape: ModelShape, weights: Weights): Inference {
  const graph = new GraphBuilder(shape.modalities.map(({ name }) => name));
  const parts = { graph, config, weights };
  const modalities = shape.modalities.map((modality) => namesOf(graph, modality));
  for (const modality of modalities) declareInputs(graph, modality);
  const codes = modalities.map((modality) => encode(parts, modality));
  const outputs = predict(parts, shape, codes);
  for (const { invariant, name } of modalities) {
    graph.outputs.push({
      name: invariant,
      type: 'float',
      shape: ['batch', config.model.latent],
      description: `Z_inv, the invariant code of ${name}`,
    });
  }
  return { graph, modalities, outputs };
}

function namesOf(graph: GraphBuilder, modality: ModalityShape): ModalityNames {
  const { name, sequence } = modality;
  return {
    ...modality,
    input: name,
    ...(sequence ? { lengths: graph.unique(`${name}_lengths`) } : {}),
    invariant: graph.unique(`${name}_invariant`),
  };
}

function declareInputs(graph: GraphBuilder, { name, features, lengths }: ModalityNames): void {
  const shape = lengths === undefined ? ['batch'] : ['batch', `${name}_frames`];
  graph.inputs.push({
    name,
    type: 'float',
    shape: [...shape, features],
    description: `raw features of ${name}; NaN is a missing value`,
  });
  if (lengths === undefined) return;
  graph.inputs.push({
    name: lengths,
    type: 'int64',
    shape: ['batch'],
    description: `frames of ${name} that count, from the first; the others are padding`,
  });
}

/** Z_inv [B, d]. */
function encode({ graph, config, weights }: Parts, modality: ModalityNames): string {
  const { name, features, lengths, invariant } = modality;
  const { hidden, latent, pooling } = config.model;
  let x = standardise({ graph, config, weights }, modality);
  let width = features;
  if (lengths !== undefined) {
    const sequence = framesOf(graph, x, lengths, config.data.maxLength);
    x = POOLINGS[pooling](graph, sequence, { weights, modality: name, features, hidden });
    if (pooling === 'gru') width = hidden;
  }
  const first = linear({ graph, config, weights }, `encoders.${name}.0`, x, [hidden, width]);
  // The second half of the last layer is the spurious part, which predictions never see.
  const layer = `encoders.${name}.3`;
  const weight = weights.get(`${layer}.weight`).slice(0, latent * hidden);
  const bias = weights.get(`${layer}.bias`).slice(0, latent);
  const inputs = [
    graph.add('Relu', [first]),
    graph.floats(`${layer}.weight`, [latent, hidden], weight),
    graph.floats(`${layer}.bias`, [latent], bias),
  ];
  return graph.add('Gemm', inputs, { transB: 1 }, invariant);
}

/** (x - mean) / std, and 0, the mean, where x is NaN or infinite. */
function standardise({ graph, weights }: Parts, { name, features }: ModalityNames): string {
  const statistic = (key: 'mean' | 'std'): string => {
    const tensor = `normalizer.${name}.${key}`;
    return graph.floats(tensor, [features], weights.get(tensor));
  };
  const centred = graph.add('Sub', [name, statistic('mean')]);
  const standardised = graph.add('Div', [centred, statistic('std')]);
  const magnitude = graph.add('Abs', [name]);
  const largest = graph.scalar('largest', LARGEST_FLOAT);
  const isFinite = graph.add('LessOrEqual', [magnitude, largest]);
  return graph.add('Where', [isFinite, standardised, graph.scalar('zero', 0)]);
}

/** `x` [B, T, D] with zeros in its padding. Frames after `maxLength` are padding too, unless it is 0. */
function framesOf(graph: GraphBuilder, x: string, lengths: string, maxLength: number): Frames {
  const shape = graph.add('Shape', [x], { start: 1, end: 2 });
  const time = graph.add('Squeeze', [shape, graph.integers('first', [0])]);
  const longest = maxLength === 0 ? [] : [graph.integer('longest', maxLength)];
  const inside = graph.add('Min', [lengths, time, ...longest]);
  const bounds = [graph.integer('start', 0), time, graph.integer('step', 1)];
  const steps = graph.add('Range', bounds);
  const column = graph.add('Unsqueeze', [inside, graph.integers('time', [1])]);
  const counts = graph.add('Less', [steps, column]);
  const mask = graph.add('Unsqueeze', [counts, graph.integers('features', [2])]);
  const frames = graph.add('Where', [mask, x, graph.scalar('zero', 0)]);
  return { frames, counts, lengths: inside, steps };
}

/** The head on the codes of all modalities; returns the names of the outputs that it declares. */
function predict(
  parts: Parts,
  shape: ModelShape,
  codes: readonly string[],
): Record<string, string> {
  const { graph, config } = parts;
  const { hidden, latent } = config.model;
  const width = shape.outputs;
  const joined = graph.add('Concat', codes, { axis: 1 });
  const first = linear(parts, 'head.0', joined, [hidden, codes.length * latent]);
  const active = graph.add('Relu', [first]);
  const describe = (wanted: string, description: string, dimensions: number[]): string => {
    const name = graph.unique(wanted);
    graph.outputs.push({ name, type: 'float', shape: ['batch', ...dimensions], description });
    return name;
  };
  if (shape.task === 'regression') {
    const prediction = describe('prediction', `predicted ${shape.label}`, []);
    const output = linear(parts, 'head.3', active, [width, hidden]);
    graph.add('Squeeze', [output, graph.integers('outputs', [1])], {}, prediction);
    return { prediction };
  }
  const logits = describe('logits', 'logits of the classes', [width]);
  const probabilities = describe('probabilities', 'probabilities of the classes', [width]);
  linear(parts, 'head.3', active, [width, hidden], logits);
  graph.add('Softmax', [logits], { axis: 1 }, probabilities);
  return { logits, probabilities };
}

/** x weight^T + bias with the tensors of `layer`, whose weight is [outputs, inputs]. */
function linear(
  { graph, weights }: Parts,
  layer: string,
  x: string,
  [outputs, inputs]: readonly [number, number],
  name?: string,
): string {
  const weight = weights.get(`${layer}.weight`);
  const operands = [
    x,
    graph.floats(`${layer}.weight`, [outputs, inputs], weight),
    graph.floats(`${layer}.bias`, [outputs], weights.get(`${layer}.bias`)),
  ];
  return graph.add('Gemm', operands, { transB: 1 }, name);
}
