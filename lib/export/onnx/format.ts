import { bytesField, wholeField } from '../../data/storage/protobuf';

/**
 * ONNX files: one protocol buffer, of which these are the messages that a graph without functions, sequences or
 * external data needs. Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
const MODEL = {
  irVersion: 1,
  producerName: 2,
  producerVersion: 3,
  graph: 7,
  operatorSet: 8,
  metadata: 14,
} as const;
const OPERATOR_SET = { version: 2 } as const;
const ENTRY = { key: 1, value: 2 } as const;
const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 } as const;
const ATTRIBUTE = { name: 1, integer: 3, integers: 8, type: 20 } as const;
const ATTRIBUTE_TYPE = { integer: 2, integers: 7 } as const;
const TENSOR = { dimension: 1, type: 2, name: 8, bytes: 9 } as const;
const VALUE = { name: 1, type: 2, description: 3 } as const;
const TYPE = { tensor: 1 } as const;
const TENSOR_TYPE = { element: 1, shape: 2 } as const;
const SHAPE = { dimension: 1 } as const;
const DIMENSION = { size: 1, name: 2 } as const;

/** Types of elements, by their numbers in TensorProto. */
export const ELEMENT = { float: 1, int64: 7 } as const;
export type ElementName = keyof typeof ELEMENT;

/** Largest finite float32. */
export const LARGEST_FLOAT = 3.4028234663852886e38;

/** IR version 10 and operator set 21 are ONNX 1.16 (2024): onnxruntime 1.18 and all later ones read them. */
const IR_VERSION = 10;
const OPERATORS = 21;

export type Attributes = Readonly<Record<string, number | readonly number[]>>;

export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** Values in row-major order. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** An input or output; a dimension that has a name is free, and the same wherever the name is. */
export interface Port {
  readonly name: string;
  readonly type: ElementName;
  readonly shape: readonly (number | string)[];
  readonly description: string;
}

export interface Graph {
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** The bytes of an ONNX file, the same for the same content. */
export function encodeModel(
  graph: Graph,
  version: string,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  return Buffer.concat([
    wholeField(MODEL.irVersion, IR_VERSION),
    bytesField(MODEL.producerName, 'cmir'),
    bytesField(MODEL.producerVersion, version),
    bytesField(MODEL.graph, encodeGraph(graph)),
    bytesField(MODEL.operatorSet, [wholeField(OPERATOR_SET.version, OPERATORS)]),
    ...Object.entries(metadata).map(([key, value]) =>
      bytesField(MODEL.metadata, [bytesField(ENTRY.key, key), bytesField(ENTRY.value, value)]),
    ),
  ]);
}

function encodeGraph({ nodes, constants, inputs, outputs }: Graph): Buffer[] {
  return [
    ...nodes.map((node) => bytesField(GRAPH.node, encodeNode(node))),
    bytesField(GRAPH.name, 'cmir'),
    ...constants.map((constant) => bytesField(GRAPH.initializer, encodeConstant(constant))),
    ...inputs.map((port) => bytesField(GRAPH.input, encodePort(port))),
    ...outputs.map((port) => bytesField(GRAPH.output, encodePort(port))),
  ];
}

function encodeNode({ operator, inputs, outputs, attributes }: Node): Buffer[] {
  return [
    ...inputs.map((name) => bytesField(NODE.input, name)),
    ...outputs.map((name) => bytesField(NODE.output, name)),
    bytesField(NODE.name, outputs[0] as string),
    bytesField(NODE.operator, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      bytesField(NODE.attribute, [bytesField(ATTRIBUTE.name, name), ...encodeValue(value)]),
    ),
  ];
}

function encodeValue(value: number | readonly number[]): Buffer[] {
  if (typeof value === 'number') {
    return [
      wholeField(ATTRIBUTE.integer, value),
      wholeField(ATTRIBUTE.type, ATTRIBUTE_TYPE.integer),
    ];
  }
  return [
    ...value.map((item) => wholeField(ATTRIBUTE.integers, item)),
    wholeField(ATTRIBUTE.type, ATTRIBUTE_TYPE.integers),
  ];
}

function encodeConstant({ name, shape, data }: Constant): Buffer[] {
  // By size, not instanceof: arrays of another realm, as in jest or vm, have classes of their own.
  const type = data.BYTES_PER_ELEMENT === 4 ? ELEMENT.float : ELEMENT.int64;
  return [
    ...shape.map((size) => wholeField(TENSOR.dimension, size)),
    wholeField(TENSOR.type, type),
    bytesField(TENSOR.name, name),
    bytesField(TENSOR.bytes, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

function encodePort({ name, type, shape, description }: Port): Buffer[] {
  const dimensions = shape.map((size) =>
    bytesField(SHAPE.dimension, [
      typeof size === 'number'
        ? wholeField(DIMENSION.size, size)
        : bytesField(DIMENSION.name, size),
    ]),
  );
  const tensor = [
    wholeField(TENSOR_TYPE.element, ELEMENT[type]),
    bytesField(TENSOR_TYPE.shape, dimensions),
  ];
  return [
    bytesField(VALUE.name, name),
    bytesField(VALUE.type, [bytesField(TYPE.tensor, tensor)]),
    bytesField(VALUE.description, description),
  ];
}
