import type { Weights } from '../weights';
import type { GraphBuilder } from './builder';
import { ELEMENT, LARGEST_FLOAT } from './format';

/** A padded sequence: frames [B, T, D], 0 where they do not count, and which of them do. */
export interface Frames {
  readonly frames: string;
  /** bool [B, T]. */
  readonly counts: string;
  /** int64 [B], from 0 to T. */
  readonly lengths: string;
  /** int64 [T]: 0 to T - 1. */
  readonly steps: string;
}

/** Where the parameters of one modality's pooling are, and their widths. */
export interface PoolingWeights {
  readonly weights: Weights;
  readonly modality: string;
  readonly features: number;
  readonly hidden: number;
}

/** Frames to one vector an example; without a frame that counts it is 0. */
type Pooling = (graph: GraphBuilder, sequence: Frames, parameters: PoolingWeights) => string;

/** [B, D], the mean of the frames that count. */
const mean: Pooling = (graph, { frames, lengths }) => {
  const axis = graph.integers('time', [1]);
  const sum = graph.add('ReduceSum', [frames, axis], { keepdims: 0 });
  const atLeastOne = graph.add('Max', [lengths, graph.integer('one', 1)]);
  const divisor = graph.add('Unsqueeze', [atLeastOne, axis]);
  return graph.add('Div', [sum, graph.add('Cast', [divisor], { to: ELEMENT.float })]);
};

/** [B, D], the sum of the frames weighted by softmax(x_t . query / sqrt(D)) over those that count. */
const attention: Pooling = (
  graph,
  { frames, counts },
  { weights, modality, features }: PoolingWeights,
) => {
  const scale = Math.sqrt(features);
  const query = weights.get(`pooling.${modality}.query`).map((value) => value / scale);
  const name = graph.floats(`pooling.${modality}.query`, [features], query);
  const products = graph.add('Mul', [frames, name]);
  const columns = graph.integers('columns', [2]);
  const scores = graph.add('ReduceSum', [products, columns], { keepdims: 0 });
  // Finite, so that the softmax of an example without frames is no NaN.
  const lowest = graph.scalar('lowest', -LARGEST_FLOAT);
  const hidden = graph.add('Where', [counts, scores, lowest]);
  const softmax = graph.add('Softmax', [hidden], { axis: 1 });
  return weightedSum(graph, frames, graph.add('Where', [counts, softmax, graph.scalar('zero', 0)]));
};

/** [B, H], the state of a GRU after the last frame that counts. */
const gru: Pooling = (graph, { frames, lengths, steps }, parameters) => {
  // An example and a frame more: onnxruntime 1.30 ends its process at a GRU of no example.
  const padded = graph.add('Pad', [frames, graph.integers('pads', [0, 0, 0, 1, 1, 0])]);
  const states = graph.add('GRU', [swapped(graph, padded), ...gruWeights(graph, parameters)], {
    hidden_size: parameters.hidden,
    linear_before_reset: 1, // As PyTorch and cuDNN have it.
  }); // [T + 1, 1, B + 1, H]
  const ofExamples = swapped(graph, graph.add('Squeeze', [states, graph.integers('layer', [1])]));
  const bounds = [graph.integers('starts', [0, 0]), graph.integers('ends', [-1, -1])];
  const cut = graph.add('Slice', [ofExamples, ...bounds]); // [B, T, H]
  const last = graph.add('Sub', [lengths, graph.integer('one', 1)]);
  const column = graph.add('Unsqueeze', [last, graph.integers('time', [1])]);
  const isLast = graph.add('Equal', [steps, column]); // [B, T]
  return weightedSum(graph, cut, graph.add('Cast', [isLast], { to: ELEMENT.float }));
};

/** [a, b, c] to [b, a, c]. */
function swapped(graph: GraphBuilder, x: string): string {
  return graph.add('Transpose', [x], { perm: [1, 0, 2] });
}

/** W [1, 3H, D], R [1, 3H, H] and B [1, 6H], with the gates in the order of ONNX. */
function gruWeights(
  graph: GraphBuilder,
  { weights, modality, features, hidden }: PoolingWeights,
): string[] {
  const get = (name: string): Float32Array => gatesOf(weights.get(`pooling.${modality}.${name}`));
  const biases = [...get('bias_ih_l0'), ...get('bias_hh_l0')];
  const name = `pooling.${modality}`;
  return [
    graph.floats(`${name}.weight`, [1, 3 * hidden, features], get('weight_ih_l0')),
    graph.floats(`${name}.recurrence`, [1, 3 * hidden, hidden], get('weight_hh_l0')),
    graph.floats(`${name}.bias`, [1, 6 * hidden], Float32Array.from(biases)),
  ];
}

/** Reset, update, new, as PyTorch has the gates, to update, reset, new. */
function gatesOf(values: Float32Array): Float32Array {
  const gate = values.length / 3;
  const result = values.slice();
  result.set(values.subarray(gate, 2 * gate));
  result.set(values.subarray(0, gate), gate);
  return result;
}

export const POOLINGS = { mean, attention, gru } as const;

/** values [B, T, D], weights [B, T] to [B, D]. Not a MatMul, which onnxruntime refuses where B or T is 0. */
function weightedSum(graph: GraphBuilder, values: string, weights: string): string {
  const columns = graph.add('Unsqueeze', [weights, graph.integers('columns', [2])]);
  const products = graph.add('Mul', [columns, values]);
  return graph.add('ReduceSum', [products, graph.integers('time', [1])], { keepdims: 0 });
}
