import type { Modality } from '../dataset';
import { examplesOf, longest, rowChunks, rowRange, rowsOf } from '../values';

/** What there is to know of a modality's features, by one look at each value. */
export interface ModalityFacts {
  /** Width: features of an example, or of one frame. */
  readonly features: number;
  /** Whether it holds frames. */
  readonly sequence: boolean;
  /** Frames of the longest example; 1 where there are no sequences. */
  readonly max_length: number;
  /** Frames of an example on average. */
  readonly mean_length: number;
  /** Examples without any value of it. */
  readonly missing: number;
  /** Values that the source says are missing, those of missing examples included. */
  readonly missing_values: number;
  /** Values that are NaN or infinite by mistake. */
  readonly non_finite: number;
  /** Features with one and the same value throughout. */
  readonly constant_features: readonly string[];
  /** Features that are the same as an earlier one in every row: [feature, the earlier one]. */
  readonly duplicated_features: readonly (readonly [string, string])[];
}

/** Multipliers of the two halves of a 64-bit hash: those of MurmurHash3's 32-bit finaliser. */
const LOW = 0x85ebca6b;
const HIGH = 0xc2b2ae35;

/** The facts, and what each example adds to `hashes` [2, examples], so that equal examples can be found. */
export async function lookAt(modality: Modality, hashes: Uint32Array): Promise<ModalityFacts> {
  const { features, offsets, columns, nanIsMissing = false } = modality;
  const examples = examplesOf(modality);
  const low = new Uint32Array(features);
  const high = new Uint32Array(features);
  const firsts = new Float32Array(features).fill(NaN);
  const varies = new Uint8Array(features);
  const present = new Uint8Array(examples);
  let missingValues = 0;
  let nonFinite = 0;
  let example = 0;

  for await (const { chunk, first } of rowChunks(modality)) {
    const bits = new Uint32Array(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let index = 0; index < chunk.length; index += features) {
      while (rowRange(modality, example)[1] <= first + index / features) example += 1;
      for (let feature = 0; feature < features; feature += 1) {
        const value = chunk[index + feature] as number;
        const word = bits[index + feature] as number;
        mix(low, feature, word, LOW);
        mix(high, feature, ~word, HIGH);
        if (nanIsMissing && Number.isNaN(value)) {
          missingValues += 1;
          continue;
        }
        if (!Number.isFinite(value)) nonFinite += 1;
        mix(hashes, example, word + feature, LOW);
        mix(hashes, examples + example, word ^ ~feature, HIGH);
        present[example] = 1;
        if (Number.isNaN(firsts[feature])) firsts[feature] = value;
        else if (value !== firsts[feature]) varies[feature] = 1;
      }
    }
  }

  const nameOf = (feature: number): string => columns?.[feature] ?? `feature ${String(feature)}`;
  const all = Array.from({ length: features }, (_, feature) => feature);
  return {
    features,
    sequence: offsets !== undefined,
    max_length: longest(modality),
    mean_length: examples === 0 ? 0 : rowsOf(modality) / examples,
    missing: present.reduce((sum, there) => sum + 1 - there, 0),
    missing_values: missingValues,
    non_finite: nonFinite,
    constant_features: rowsOf(modality) < 2 ? [] : all.filter((f) => varies[f] === 0).map(nameOf),
    duplicated_features: duplicatesOf(
      low,
      high,
      all.filter((f) => varies[f] === 1),
    ).map(([feature, earlier]) => [nameOf(feature), nameOf(earlier)]),
  };
}

/**
 * Takes a word into a hash. The shift brings down what a product only moves up: 0 and 1 and other round numbers differ
 * in the upper bits alone.
 */
function mix(hashes: Uint32Array, place: number, word: number, multiplier: number): void {
  const product = Math.imul((hashes[place] as number) ^ word, multiplier);
  hashes[place] = product ^ (product >>> 15);
}

/** Which of `places` hash like an earlier one, and which one that is. */
function duplicatesOf(
  low: Uint32Array,
  high: Uint32Array,
  places: readonly number[],
): [number, number][] {
  const earlier = new Map<string, number>();
  return places.flatMap((place) => {
    const key = `${String(low[place])} ${String(high[place])}`;
    const first = earlier.get(key);
    if (first !== undefined) return [[place, first] as [number, number]];
    earlier.set(key, place);
    return [];
  });
}
