import type { Environment, Options } from '../config';
import { CmirError } from '../errors';
import { expectedOneOf } from '../suggest';
import { mergeOptions } from './options';
import type { Space } from './space';

/** A way to train, by name: what it sets of the configuration, and what a search may vary. */
export interface Method {
  /** As `--methods` takes it. */
  readonly name: string;
  /** One line on what it does. */
  readonly description: string;
  /** Laid over the user's options, under what a search found. */
  readonly options: Options;
  /** Laid over everything: what makes the method what it is. */
  readonly fixed: Options;
  /** Of a search, besides COMMON_SPACE. */
  readonly space: Space;
  /** The method whose search it shares: an ablation takes the settings of the whole. */
  readonly tunedAs: string;
}

const NO_PAPER_CONSTRAINTS = { invariance: 0, decorrelation: 0, reconstruction: 0 };
const NO_CONSTRAINTS = { ...NO_PAPER_CONSTRAINTS, consistency: 0, risk: 0 };

const noisy = (...list: readonly (readonly [Environment['kind'], number])[]): Environment[] =>
  list.map(([kind, intensity]) => ({ kind, intensity }));

/**
 * Environments of several kinds, each from weak to strong: as far as the sweep noise-v1 goes, since a search leaves out
 * what its validation data does not show. Ours.
 */
const MIXTURES: readonly Environment[][] = [
  noisy(['gaussian', 0.7], ['gaussian', 1.4], ['erase', 0.5], ['erase', 0.7], ['drop', 0.3]),
  noisy(['gaussian', 0.7], ['gaussian', 1.4], ['erase', 0.3], ['erase', 0.6], ['drop', 0.4]),
  noisy(['gaussian', 0.5], ['gaussian', 1], ['gaussian', 1.5], ['erase', 0.6], ['drop', 0.3]),
];

/** The paper's ladders. */
const LADDERS: readonly Environment[][] = [0.3, 0.5, 0.7, 1].flatMap((intensity) =>
  [2, 3].map((count) =>
    noisy(...Array.from({ length: count }, (_, e) => ['gaussian', intensity * (e + 1)] as const)),
  ),
);

/** Ranges of every method. */
export const COMMON_SPACE: Space = {
  'model.hidden': { choice: [64, 128, 256] },
  'model.latent': { choice: [16, 32, 64] },
  'model.dropout': { uniform: [0.1, 0.6] },
  'training.batchSize': { choice: [32, 64] },
  'training.learningRate': { logUniform: [3e-4, 3e-3] },
  'training.weightDecay': { logUniform: [1e-3, 0.3] },
};

const CONSTRAINTS: Space = {
  'weights.invariance': { logUniform: [0.05, 10] },
  'weights.decorrelation': { logUniform: [0.01, 1] },
  'weights.reconstruction': { logUniform: [0.02, 2] },
};

interface Definition {
  readonly description: string;
  readonly options?: Options;
  readonly fixed?: Options;
  readonly space?: Space;
}

/** A new method is an entry here. */
const DEFINITIONS: Readonly<Record<string, Definition>> = {
  fusion: {
    description: 'clean data, no constraint',
    fixed: { environments: [], weights: NO_CONSTRAINTS },
  },
  augmentation: {
    description: 'noisy copies of the data, no constraint',
    fixed: { weights: NO_CONSTRAINTS },
    space: { environments: { choice: [...LADDERS, ...MIXTURES] } },
  },
  cmir: {
    description: 'the paper’s: a ladder of Gaussian environments, three constraints',
    space: { environments: { choice: [...LADDERS] }, ...CONSTRAINTS },
  },
  'cmir-mixed': {
    description:
      'environments of several kinds of noise, the three constraints, reconstruction of the clean input, consistent predictions; ours',
    options: {
      environments: MIXTURES[0],
      weights: { invariance: 0.3, decorrelation: 0.05, reconstruction: 0.3, consistency: 1 },
      reconstruction: { target: 'clean' },
    },
    space: {
      environments: { choice: [...MIXTURES] },
      ...CONSTRAINTS,
      'weights.consistency': { logUniform: [0.2, 3] },
    },
  },
  vrex: {
    description: 'variance of the risk over the environments (V-REx, Krueger et al., 2021)',
    options: { weights: { risk: 5 } },
    fixed: { weights: { ...NO_PAPER_CONSTRAINTS, consistency: 0 } },
    space: {
      environments: { choice: [...LADDERS, ...MIXTURES] },
      'weights.risk': { logUniform: [0.1, 100] },
    },
  },
};

/** Methods with constraints, each of which can be taken away. */
const ABLATIONS = {
  cmir: ['invariance', 'decorrelation', 'reconstruction'],
  'cmir-mixed': ['invariance', 'decorrelation', 'reconstruction', 'consistency'],
};

/** Every method, ablations last. */
export const METHODS: readonly Method[] = [
  ...Object.entries(DEFINITIONS).map(([name, definition]) => method(name, definition)),
  ...Object.entries(ABLATIONS).flatMap(([name, terms]) =>
    terms.map((term) => ablation(name, term)),
  ),
];

function method(name: string, definition: Definition): Method {
  const { description, options = {}, fixed = {}, space = {} } = definition;
  return { name, description, options, fixed, space: { ...COMMON_SPACE, ...space }, tunedAs: name };
}

function ablation(name: string, term: string): Method {
  const whole = method(name, DEFINITIONS[name] as Definition);
  return {
    ...whole,
    name: `${name}-no-${term}`,
    description: `${name} without ${term}`,
    fixed: mergeOptions(whole.fixed, { weights: { [term]: 0 } }),
  };
}

/** The method of that name. Throws ERR_CMIR_USAGE, with the nearest known one. */
export function findMethod(name: string): Method {
  const found = METHODS.find((other) => other.name === name);
  if (found !== undefined) return found;
  const names = METHODS.map((other) => other.name);
  throw new CmirError('ERR_CMIR_USAGE', `unknown method '${name}', ${expectedOneOf(name, names)}`);
}

/** The options that a method trains with: the user's, the method's over them, then what a search found. */
export function methodOptions(
  { options, fixed }: Method,
  base: Options,
  tuned: Options = {},
): Options {
  return mergeOptions(base, options, tuned, fixed);
}
