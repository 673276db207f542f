import { z } from 'zod';

import { CmirError } from './errors';
import { describeProblems, unknownKey } from './problems';
import type { NativeConfig } from '../binding';

/**
 * The one schema of the configuration: types, ranges, descriptions and the only defaults. `--set` keys,
 * config files, the library's options and docs/configuration.md all come from here.
 */

const NOISE_KINDS = ['gaussian', 'laplace', 'erase', 'drop'] as const;
/** A kind of noise of training: gaussian, laplace, erase or drop. */
export type NoiseKind = (typeof NOISE_KINDS)[number];
export const noiseKindSchema = z.enum(NOISE_KINDS);

const positive = z.number().positive();
const nonNegative = z.number().nonnegative();
const count = z.int().nonnegative();

/** Of one virtual environment. */
const environmentSchema = z.strictObject({
  kind: noiseKindSchema,
  intensity: nonNegative.meta({
    description: 'standard deviations (gaussian, laplace) or probability (erase, drop)',
  }),
});
/** One virtual environment: the kind of its noise, and its intensity, not negative, in standard deviations, or a probability. */
export type Environment = z.output<typeof environmentSchema>;

/** The paper's ladder: K environments of intensity `intensity * e`, e = 1..K. */
const ladderSchema = z.strictObject({
  count: count.max(64).default(3).meta({ description: 'K, the number of noisy environments' }),
  intensity: nonNegative
    .default(1)
    .meta({ description: 'intensity of the first; environment e has e times as much' }),
  kind: noiseKindSchema.default('gaussian').meta({ description: 'kind of noise' }),
  sharing: z.enum(['independent', 'common']).default('independent').meta({
    description:
      'common: one draw for all environments, scaled (ours; fewer matrix products; gaussian or laplace)',
  }),
});
/** A ladder whose environments are one draw, scaled: a list of environments could not tell. */
export type CommonLadder = z.output<typeof ladderSchema> & { sharing: 'common' };

/** Of the whole configuration: types, defaults, ranges and descriptions of all keys. */
export const configSchema = z.strictObject({
  seed: z
    .int()
    .nonnegative()
    .default(1)
    .meta({ description: 'key of every random draw: weights, order, noise, dropout' }),
  device: z
    .string()
    .regex(/^(auto|cpu|cuda(:\d+)?)$/, 'expected auto, cpu, cuda or cuda:<index>')
    .default('auto')
    .meta({ description: 'auto takes the first CUDA device, else the CPU' }),
  threads: count
    .max(1024)
    .default(0)
    .meta({ description: 'CPU threads of one operation; 0 is LibTorch’s choice' }),
  precision: z.enum(['float32', 'float64', 'bf16', 'tf32']).default('float32').meta({
    description:
      'arithmetic of the engine; float64 is for checks, bf16 trains with bfloat16 products on a GPU or a processor that has them, tf32 with TensorFloat-32 products on a GPU',
  }),
  data: z
    .strictObject({
      label: z.string().min(1).nullable().default(null).meta({
        description: 'label column; null looks for label, sentiment, emotion, humor, sarcasm',
      }),
      nonFinite: z
        .enum(['error', 'mean'])
        .default('error')
        .meta({ description: 'NaN and infinity in features: refuse, or take the training mean' }),
      maxLength: count.default(0).meta({
        description: 'longest sequence in frames; the rest is cut; 0 keeps all',
      }),
    })
    .prefault({}),
  task: z.enum(['auto', 'regression', 'classification']).default('auto').meta({
    description: 'auto: classes if labels are words or the integers 0..C-1, C at most 20',
  }),
  model: z
    .strictObject({
      hidden: z.int().positive().default(128).meta({ description: 'H, width of hidden layers' }),
      latent: z
        .int()
        .positive()
        .default(64)
        .meta({ description: 'd, width of each invariant and each spurious part' }),
      dropout: nonNegative
        .lt(1)
        .default(0.3)
        .meta({ description: 'probability, after each hidden layer' }),
      pooling: z.enum(['mean', 'attention', 'gru']).default('mean').meta({
        description: 'how a sequence becomes one vector; utterance features are not pooled',
      }),
    })
    .prefault({}),
  environments: z
    .union([z.array(environmentSchema), ladderSchema])
    .prefault({})
    .meta({ description: 'a list of {kind, intensity}, or the ladder {count, intensity, kind}' }),
  weights: z
    .strictObject({
      invariance: nonNegative.default(2).meta({ description: 'lambda_1, weight of R_inv' }),
      decorrelation: nonNegative.default(0.3).meta({ description: 'lambda_2, weight of R_dec' }),
      reconstruction: nonNegative.default(1).meta({ description: 'lambda_3, weight of R_rec' }),
      risk: nonNegative.default(0).meta({
        description:
          'weight of the variance over environments of the prediction loss (V-REx, arXiv 2003.00688)',
      }),
      consistency: nonNegative.default(0).meta({
        description:
          'weight of the distance of noisy outputs to the clean ones (ours): L1, or KL divergence of classes',
      }),
    })
    .prefault({}),
  decorrelation: z
    .strictObject({
      offDiagonal: nonNegative
        .lt(1)
        .default(0.3)
        .meta({ description: 'weight of the off-diagonal entries in R_dec (the paper’s alpha)' }),
    })
    .prefault({}),
  prediction: z
    .strictObject({
      loss: z
        .enum(['auto', 'l1', 'mse', 'crossEntropy'])
        .default('auto')
        .meta({ description: 'auto: l1 for regression, crossEntropy for classification' }),
      on: z
        .enum(['all', 'clean'])
        .default('all')
        .meta({ description: 'environments that L_pred averages over' }),
      classWeights: z
        .union([z.array(positive).min(2), z.enum(['none', 'balanced'])])
        .default('none')
        .meta({
          description:
            'weights of the classes in cross-entropy, one each, in their order; balanced: N / (C count) of the training split',
        }),
    })
    .prefault({}),
  reconstruction: z
    .strictObject({
      target: z
        .enum(['environment', 'clean'])
        .default('environment')
        .meta({ description: 'what R_rec compares the decoder’s output with' }),
    })
    .prefault({}),
  training: z
    .strictObject({
      epochs: z.int().positive().default(100).meta({ description: 'at most so many passes' }),
      batchSize: z.int().positive().default(32).meta({ description: 'examples a step' }),
      learningRate: positive.default(0.001).meta({ description: 'AdamW’s step size' }),
      weightDecay: nonNegative.default(0.01).meta({ description: 'AdamW’s decoupled decay' }),
      clipNorm: nonNegative
        .default(1)
        .meta({ description: 'largest norm of the whole gradient; 0 does not clip' }),
      decayBiases: z.boolean().default(true).meta({
        description: 'false: biases, and all parameters of one dimension, do not decay',
      }),
      schedule: z.enum(['constant', 'linear', 'cosine']).default('constant').meta({
        description:
          'how the learning rate goes after the warm-up; linear and cosine reach 0 after the last step of training.epochs',
      }),
      warmup: nonNegative.lt(1).default(0).meta({
        description: 'share of all steps of training.epochs in which the rate rises from 0',
      }),
      accumulation: z.int().positive().default(1).meta({
        description: 'batches a step: its gradient is the mean over all their examples',
      }),
      averaging: nonNegative.lt(1).default(0).meta({
        description:
          'decay of the moving average of the weights that is validated and saved; 0: the weights themselves',
      }),
      patience: count.default(10).meta({
        description: 'epochs without a better validation score before stopping; 0 never stops',
      }),
      metric: z
        .string()
        .min(1)
        .default('auto')
        .meta({ description: 'validation metric that selects the epoch; auto: MAE or Acc' }),
    })
    .prefault({}),
});

/** What a user may write: every key optional. */
export type Options = z.input<typeof configSchema>;

/** The configuration with every default filled in and shorthands resolved. */
export type Config = Omit<z.output<typeof configSchema>, 'environments'> & {
  environments: Environment[] | CommonLadder;
};

/** What only the data set tells: the rest of NativeConfig is read off the configuration. */
export interface DataShape {
  modalities: { name: string; features: number; sequence: boolean }[];
  outputs: number;
}

/**
 * Fills in defaults, checks every value and resolves shorthands.
 * Throws ERR_CMIR_CONFIG that names each offending key, with the nearest known key for a misspelt one.
 */
export function resolveConfig(options: Options = {}): Config {
  const parsed = configSchema.safeParse(options);
  if (!parsed.success) {
    const problems = describeProblems(parsed.error, options, configKeys());
    throw new CmirError('ERR_CMIR_CONFIG', `configuration: ${problems}`);
  }
  const { environments, ...rest } = parsed.data;
  const config: Config = { ...rest, environments: resolveEnvironments(environments) };
  checkTogether(config);
  return config;
}

type GivenEnvironments = z.output<typeof configSchema>['environments'];

function resolveEnvironments(value: GivenEnvironments): Config['environments'] {
  if (Array.isArray(value) || value.sharing === 'independent') return environmentList(value);
  return { ...value, sharing: value.sharing };
}

/** The noisy environments one by one: alpha^(e) = alpha^(1) * e in a ladder. */
export function environmentList(value: GivenEnvironments): Environment[] {
  if (Array.isArray(value)) return value;
  const { kind, count: k, intensity } = value;
  // The product is rounded to 12 digits so that 3 * 0.1 reads 0.3.
  return Array.from({ length: k }, (_, e) => ({
    kind,
    intensity: Number((intensity * (e + 1)).toPrecision(12)),
  }));
}

/** Rules that span several keys. */
function checkTogether(config: Config): void {
  const { environments } = config;
  if (!Array.isArray(environments) && !['gaussian', 'laplace'].includes(environments.kind)) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `environments.sharing: common scales one draw of additive noise, found kind ${environments.kind}; ` +
        'expected gaussian or laplace',
    );
  }
  if (environmentList(environments).length === 0) {
    for (const [name, weight] of Object.entries(config.weights)) {
      if (weight > 0) {
        throw new CmirError(
          'ERR_CMIR_CONFIG',
          `weights.${name}: found ${String(weight)} with no noisy environment (environments.count is 0); ` +
            `the constraints compare environments: set environments.count to 1 or more, or all weights to 0`,
        );
      }
    }
  }
  for (const name of ['risk', 'consistency'] as const) {
    const weight = config.weights[name];
    if (weight > 0 && config.prediction.on !== 'all') {
      throw new CmirError(
        'ERR_CMIR_CONFIG',
        `weights.${name}: found ${String(weight)} with prediction.on ${config.prediction.on}; it compares the ` +
          `predictions of environments: set prediction.on to all, or weights.${name} to 0`,
      );
    }
  }
  if (config.task === 'regression' && config.prediction.loss === 'crossEntropy') {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `prediction.loss: crossEntropy needs task classification, found regression`,
    );
  }
  if (config.task === 'regression' && config.prediction.classWeights !== 'none') {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `prediction.classWeights: needs task classification, found regression`,
    );
  }
  if (
    config.task === 'classification' &&
    (config.prediction.loss === 'l1' || config.prediction.loss === 'mse')
  ) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `prediction.loss: ${config.prediction.loss} needs task regression, found classification`,
    );
  }
}

/** Every key that `--set` takes, dotted. */
export function configKeys(): string[] {
  return [...configSchemas().keys()];
}

/** The values of a key that have names, such as those of an enumeration; none for a number or a text. */
export function valuesOfKey(key: string): string[] {
  const schema = configSchemas().get(key);
  const branches = [schema, ...(schema?.anyOf ?? [])].filter(
    (branch) => typeof branch === 'object',
  );
  return branches.flatMap(({ enum: names, type }) =>
    type === 'boolean' ? ['true', 'false'] : (names?.map(String) ?? []),
  );
}

/** The JSON schema of every key, by its dotted name. */
function configSchemas(): Map<string, z.core.JSONSchema.BaseSchema> {
  const schemas = new Map<string, z.core.JSONSchema.BaseSchema>();
  const walk = (schema: z.core.JSONSchema.BaseSchema, prefix: string): void => {
    const ladder = schema.anyOf?.find((s) => typeof s === 'object' && s.type === 'object');
    const properties = schema.properties ?? ladder?.properties;
    if (prefix !== '' && (!schema.properties || ladder)) schemas.set(prefix, schema);
    for (const [name, inner] of Object.entries(properties ?? {})) {
      if (typeof inner === 'object') walk(inner, prefix === '' ? name : `${prefix}.${name}`);
    }
  };
  walk(z.toJSONSchema(configSchema, { io: 'input' }), '');
  return schemas;
}

/**
 * Sets `key` (dotted) of `options` to `text`, read as JSON where it is JSON and as a string elsewhere.
 * Throws ERR_CMIR_CONFIG for a key that does not exist.
 */
export function setOption(options: Record<string, unknown>, key: string, text: string): void {
  const keys = configKeys();
  if (!keys.includes(key)) {
    throw new CmirError('ERR_CMIR_CONFIG', `configuration: ${unknownKey(key, keys)}`);
  }
  const path = key.split('.');
  const last = path.pop() as string;
  let target = options;
  for (const part of path) {
    const inner = target[part];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) target[part] = {};
    target = target[part] as Record<string, unknown>;
  }
  target[last] = parseValue(text);
}

/** A value on a command line: JSON where it is JSON, else the text itself. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The part of the configuration that the engine sees, with `auto` already decided by the caller. */
export function nativeConfig(config: Config, shape: DataShape): NativeConfig {
  const { loss, on, classWeights } = config.prediction;
  if (loss === 'auto' || config.device === 'auto' || classWeights === 'balanced') {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      'prediction.loss, prediction.classWeights and device must be decided before training',
    );
  }
  const { schedule, warmup, epochs, accumulation, averaging, ...training } = config.training;
  const { learningRate, weightDecay, clipNorm, decayBiases } = training;
  return {
    seed: config.seed,
    device: config.device,
    threads: config.threads,
    precision: config.precision,
    modalities: shape.modalities,
    maxLength: config.data.maxLength,
    outputs: shape.outputs,
    model: config.model,
    environments: environmentList(config.environments),
    sharing: Array.isArray(config.environments) ? 'independent' : config.environments.sharing,
    weights: config.weights,
    decorrelation: config.decorrelation,
    prediction: { loss, on, classWeights: classWeights === 'none' ? [] : classWeights },
    reconstruction: config.reconstruction,
    optimizer: {
      learningRate,
      weightDecay,
      clipNorm,
      decayBiases,
      schedule,
      warmup,
      epochs,
      accumulation,
      averaging,
    },
  };
}

/** Compile-time guard: the environment the schema yields is exactly the one C++ reads. */
type Exact<A, B> = [A, B] extends [B, A] ? true : never;
true satisfies Exact<Environment, NativeConfig['environments'][number]>;
true satisfies Exact<Config['model'], NativeConfig['model']>;
true satisfies Exact<Config['weights'], NativeConfig['weights']>;
true satisfies Exact<Config['decorrelation'], NativeConfig['decorrelation']>;
true satisfies Exact<Config['reconstruction'], NativeConfig['reconstruction']>;
