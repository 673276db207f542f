import type { Attributes, Constant, Graph, Node, Port } from './format';

/** A graph that grows node by node. Values are known by their names, which are made unique. */
export class GraphBuilder implements Graph {
  readonly nodes: Node[] = [];
  readonly constants: Constant[] = [];
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];
  readonly #names: Set<string>;

  /** `reserved` are names that unique() never gives out: those of inputs. */
  constructor(reserved: readonly string[]) {
    this.#names = new Set(reserved);
  }

  /** `wanted`, or where that is taken the first of wanted_2, wanted_3, ... that is not. */
  unique(wanted: string): string {
    let name = wanted;
    for (let count = 2; this.#names.has(name); count += 1) name = `${wanted}_${String(count)}`;
    this.#names.add(name);
    return name;
  }

  /** Adds a node of one output and returns that; `name` must be unique where it is given. */
  add(
    operator: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    name = this.unique(operator.toLowerCase()),
  ): string {
    this.nodes.push({ operator, inputs, outputs: [name], attributes });
    return name;
  }

  floats(wanted: string, shape: readonly number[], values: Float32Array): string {
    return this.#constant({ name: this.unique(wanted), shape, data: values });
  }

  /** A vector of integers. */
  integers(wanted: string, values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant({ name: this.unique(wanted), shape: [values.length], data });
  }

  /** A tensor without dimensions. */
  scalar(wanted: string, value: number): string {
    return this.#constant({ name: this.unique(wanted), shape: [], data: Float32Array.of(value) });
  }

  integer(wanted: string, value: number): string {
    return this.#constant({
      name: this.unique(wanted),
      shape: [],
      data: BigInt64Array.of(BigInt(value)),
    });
  }

  #constant(constant: Constant): string {
    this.constants.push(constant);
    return constant.name;
  }
}
