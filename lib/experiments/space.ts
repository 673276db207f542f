import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { z } from 'zod';

import { configKeys } from '../config';
import { exampleKey } from '../data/keys';
import { keyedGenerator } from '../data/random';
import { CmirError } from '../errors';
import { describeProblems, unknownKey } from '../problems';

const bounds = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low < high, 'expected [low, high] with low < high');

/** Of one key of a search space. */
const rangeSchema = z.union([
  z.strictObject({ choice: z.array(z.unknown()).min(1) }),
  z.strictObject({ uniform: bounds }),
  z.strictObject({
    logUniform: bounds.refine(([low]) => low > 0, 'expected bounds above 0'),
  }),
  z.strictObject({
    integer: bounds.refine((pair) => pair.every(Number.isInteger), 'expected integers'),
  }),
]);

/** Where one value is drawn from: a list, an interval, an interval in the logarithm, or the integers of one. */
export type Range = z.output<typeof rangeSchema>;

/** What a search varies, by dotted configuration key. */
export type Space = Readonly<Record<string, Range>>;

/** A space as a file gives it. Throws ERR_CMIR_CONFIG for an unknown key or a range that is none. */
export function parseSpace(value: unknown, source: string): Space {
  const parsed = z.record(z.string(), z.unknown()).safeParse(value);
  if (!parsed.success) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `${source}: expected an object of configuration keys, each with its range`,
    );
  }
  const known = configKeys();
  return Object.fromEntries(
    Object.entries(parsed.data).map(([key, range]) => {
      if (!known.includes(key)) {
        throw new CmirError('ERR_CMIR_CONFIG', `${source}: ${unknownKey(key, known)}`);
      }
      return [key, parseRange(range, `${source}: ${key}`)];
    }),
  );
}

function parseRange(value: unknown, where: string): Range {
  const kind = Object.keys(Object(value) as object)[0] ?? '';
  const index = ['choice', 'uniform', 'logUniform', 'integer'].indexOf(kind);
  const branch = rangeSchema.options[index];
  if (branch === undefined) {
    throw new CmirError(
      'ERR_CMIR_CONFIG',
      `${where}: found ${JSON.stringify(value)}, expected {"choice": [...]}, or {"uniform" | "logUniform" | "integer": [low, high]}`,
    );
  }
  const parsed = branch.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CmirError('ERR_CMIR_CONFIG', `${where}: ${describeProblems(parsed.error, value, [])}`);
}

/**
 * The values of one trial. Each key is drawn by itself from (seed, trial, key), so that a key more or less changes
 * no other's draws, nor does the number of trials.
 */
export function drawValues(space: Space, seed: number, trial: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(space).map(([key, range]) => [key, drawValue(range, seed, trial, key)]),
  );
}

function drawValue(range: Range, seed: number, trial: number, key: string): unknown {
  const generator = keyedGenerator(
    seed,
    (exampleKey(key) ^ Math.imul(trial + 1, 0x9e3779b1)) >>> 0,
  );
  if ('choice' in range) return range.choice[uniformInt(generator, 0, range.choice.length - 1)];
  if ('integer' in range) return uniformInt(generator, ...range.integer);
  const share = uniformFloat64(generator);
  const between = ([low, high]: readonly [number, number]): number => low + share * (high - low);
  // Twelve digits are plenty, and read well.
  const rounded = (value: number): number => Number(value.toPrecision(12));
  if ('uniform' in range) return rounded(between(range.uniform));
  const [low, high] = range.logUniform;
  return rounded(Math.exp(between([Math.log(low), Math.log(high)])));
}
