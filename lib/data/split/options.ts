import { z } from 'zod';

import { describeProblems } from '../../problems';
import { CmirError } from '../../errors';
import { SPLIT_NAMES } from '../splits';

/** The ways of splitting with their options: types, ranges, descriptions and the only defaults. */

const count = z.int().positive();
const column = z.string().min(1);

const seed = z.int().nonnegative().default(1).meta({ description: 'key of every random draw' });
const fractions = z
  .partialRecord(z.enum(SPLIT_NAMES), z.number().min(0).max(1))
  .default({ train: 0.7, valid: 0.1, test: 0.2 })
  .refine(
    (shares) => Math.abs(Object.values(shares).reduce((a, b) => a + b, 0) - 1) < 1e-9,
    'expected shares that add up to 1',
  )
  .meta({ description: 'share of the examples by split; together 1' });
const stratify = z.boolean().default(true).meta({
  description: 'take the same share of every class, or of every stretch of a regression label',
});
const bins = count
  .max(1000)
  .default(10)
  .meta({ description: 'stretches of a regression label, equal in number of examples' });
const GROUP = 'metadata column that names the group; video falls back to the ids';

/** Options by method: types, defaults and ranges. */
const SCHEMAS = {
  random: z.strictObject({ by: z.literal('random'), seed, fractions, stratify, bins }),
  group: z.strictObject({
    by: z.literal('group'),
    seed,
    fractions,
    group: column.default('video').meta({ description: GROUP }),
  }),
  kfold: z.strictObject({
    by: z.literal('kfold'),
    seed,
    k: z.int().min(3).max(1000).default(5).meta({ description: 'number of folds' }),
    fold: count.default(1).meta({
      description: 'fold, from 1, that is test; the next is valid, the others are train',
    }),
    stratify,
    bins,
    group: column
      .nullable()
      .default(null)
      .meta({ description: `no group in two folds, in place of stratify: ${GROUP}` }),
  }),
  words: z.strictObject({
    by: z.literal('words'),
    seed,
    text: column.nullable().default(null).meta({
      description: 'metadata column; null takes the first of raw_text, text, words, transcript',
    }),
    objective: z.enum(['decorrelate', 'invert']).default('decorrelate').meta({
      description:
        'decorrelate: words tell as little of the label as can be; invert: the opposite of train',
    }),
    pool: z.enum(['test', 'all']).default('test').meta({
      description: 'which examples may become shifted: test and shifted, or all there are',
    }),
    size: count.nullable().default(null).meta({
      description: 'examples in shifted; null: half of the pool test, a fifth of the pool all',
    }),
    minCount: count.nullable().default(null).meta({
      description:
        'occurrences in the pool that make a word count; null: 50 for 4659 examples, as in CLUE, in proportion, at least 3',
    }),
    stopWords: z
      .enum(['drop', 'keep'])
      .default('drop')
      .meta({ description: 'what becomes of the, of, is and the like' }),
    neutral: z
      .enum(['drop', 'positive'])
      .default('drop')
      .meta({ description: 'words of regression labels 0: not counted, or as positive' }),
    annealing: z
      .strictObject({
        temperature: z.number().positive().default(0.1).meta({ description: 'of the first round' }),
        cooling: z
          .number()
          .positive()
          .max(1)
          .default(0.98)
          .meta({ description: 'factor of the temperature from round to round' }),
        rounds: z.int().nonnegative().default(400),
        moves: count.nullable().default(null).meta({
          description: 'exchanges tried in a round; null: four for each example of the pool',
        }),
      })
      .prefault({}),
  }),
} as const;

/** A way to make splits: random, group, kfold or words. */
export type SplitMethod = keyof typeof SCHEMAS;

/** `fractions` of the examples, the same of every class or of every stretch of a regression label. */
export type RandomSplitOptions = z.input<(typeof SCHEMAS)['random']>;
/** About `fractions` of the examples, no group in two splits. */
export type GroupSplitOptions = z.input<(typeof SCHEMAS)['group']>;
/** Fold `fold` of `k`, from 1, is test, the next one valid; the others are train. */
export type FoldSplitOptions = z.input<(typeof SCHEMAS)['kfold']>;
/** Takes a `shifted` set out of test in which words and labels go together less, or the other way round. */
export type WordSplitOptions = z.input<(typeof SCHEMAS)['words']>;

/** Options of `splitDataset`; `by` says which method they are of. */
export type SplitOptions =
  RandomSplitOptions | GroupSplitOptions | FoldSplitOptions | WordSplitOptions;

export type ResolvedSplitOptions = z.output<(typeof SCHEMAS)[SplitMethod]>;
export type Resolved<Method extends SplitMethod> = z.output<(typeof SCHEMAS)[Method]>;

/**
 * Fills in defaults and checks every value. Throws ERR_CMIR_CONFIG that names each offending option, and of one
 * that another way of splitting has, which.
 */
export function resolveSplitOptions(options: SplitOptions): ResolvedSplitOptions {
  const { by } = options;
  const methods = Object.keys(SCHEMAS) as SplitMethod[];
  if (!methods.includes(by)) {
    const found = (JSON.stringify(by) as string | undefined) ?? 'nothing';
    throw refusal('split', `by: found ${found}, expected ${methods.join(', ')}`);
  }
  const where = `split by ${by}`;
  for (const key of Object.keys(options).filter((name) => !(name in SCHEMAS[by].shape))) {
    const owners = methods.filter((method) => key in SCHEMAS[method].shape);
    if (owners.length > 0) {
      throw refusal(where, `found option '${key}', which belongs to by ${owners.join(' and ')}`);
    }
  }
  const parsed = SCHEMAS[by].safeParse(options);
  if (!parsed.success) throw refusal(where, describeProblems(parsed.error, options, keysOf(by)));
  const { data } = parsed;
  if (data.by === 'kfold' && data.fold > data.k) {
    throw refusal(
      where,
      `fold: found ${String(data.fold)}, expected 1 to ${String(data.k)}, one of k`,
    );
  }
  return data;
}

function refusal(where: string, problem: string): CmirError {
  return new CmirError('ERR_CMIR_CONFIG', `${where}: ${problem}`);
}

/** The options of a way of splitting, dotted where they are nested. */
function keysOf(by: SplitMethod): string[] {
  return Object.keys(SCHEMAS[by].shape).flatMap((key) => {
    if (key === 'fractions') return SPLIT_NAMES.map((name) => `fractions.${name}`);
    if (key !== 'annealing') return [key];
    const { annealing } = SCHEMAS.words.shape;
    return Object.keys(annealing.unwrap().shape).map((name) => `annealing.${name}`);
  });
}
