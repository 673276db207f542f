import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** First outputs thrown away: the generator needs some steps until every state bit reaches every other. */
const WARM_UP = 16;

/**
 * A generator of its own for every pair of a seed in [0, 2^53) and a 32-bit key.
 * The pair maps one to one to the 128-bit state, so no two streams start alike.
 */
export function keyedGenerator(seed: number, key: number): RandomGenerator {
  const low = mix(seed | 0);
  const high = mix(Math.floor(seed / 2 ** 32) ^ low);
  const keyed = mix(key ^ high);
  const generator = xoroshiro128plusFromState([low, high, keyed, mix(keyed ^ 0x9e3779b9)]);
  for (let step = 0; step < WARM_UP; step += 1) generator.next();
  return generator;
}

/** MurmurHash3's 32-bit finaliser: a bijection that spreads every bit over the word. */
function mix(word: number): number {
  let hash = word;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** Draws N(0, 1) in float64 by the Box-Muller transform, both of each pair. */
export function normalSource(generator: RandomGenerator): () => number {
  let spare: number | null = null;
  return () => {
    if (spare !== null) {
      const value = spare;
      spare = null;
      return value;
    }
    // 1 - u lies in (0, 1], where the logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)));
    const angle = 2 * Math.PI * uniformFloat64(generator);
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}

/** Puts `values` in a random order, in place, by Fisher-Yates; returns them. */
export function shuffle<T extends Int32Array | string[]>(values: T, generator: RandomGenerator): T {
  for (let last = values.length - 1; last > 0; last -= 1) {
    const other = uniformInt(generator, 0, last);
    const value = values[last] as T[number];
    values[last] = values[other] as T[number];
    values[other] = value;
  }
  return values;
}
