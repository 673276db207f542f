import type { Dataset, Modality } from '../../lib/data/dataset';
import { syntheticChunks, syntheticDataset, type SyntheticOptions } from '../../lib/data/synthetic';
import { normalCuts } from '../../lib/data/synthetic/quantiles';
import { rowRange } from '../../lib/data/values';
import { errorOf } from './fixture';

const small = { train: 20, valid: 5, test: 6, shifted: 7 };

/** Column k of a [rows, width] array, for the rows of a split. */
function columnOf(dataset: Dataset, split: string, factor: string, k: number): number[] {
  const { width = 0, values = new Float32Array(0) } = dataset.factors[factor] ?? {};
  return Array.from(dataset.split(split).rows, (row) => values[row * width + k] ?? NaN);
}

function moments(
  a: number[],
  b: number[],
): { mean: number; variance: number; correlation: number } {
  const average = (values: number[]): number => values.reduce((x, y) => x + y) / values.length;
  const meanA = average(a);
  const meanB = average(b);
  const variance = average(a.map((x) => (x - meanA) ** 2));
  const other = average(b.map((x) => (x - meanB) ** 2));
  const covariance = average(a.map((x, i) => (x - meanA) * ((b[i] ?? NaN) - meanB)));
  return { mean: meanA, variance, correlation: covariance / Math.sqrt(variance * other) };
}

describe('the default model', () => {
  const dataset = syntheticDataset();
  const labels = (split: string): number[] =>
    Array.from(dataset.split(split).rows, (row) => dataset.label?.values[row] ?? NaN);

  test('has the documented sizes', () => {
    expect(dataset.name).toBe('synthetic');
    expect([...dataset.splits].map(([name, rows]) => [name, rows.length])).toEqual([
      ['train', 2000],
      ['valid', 500],
      ['test', 1000],
      ['shifted', 1000],
    ]);
    expect(dataset.modalities.map(({ name, features }) => [name, features])).toEqual([
      ['text', 64],
      ['audio', 48],
      ['vision', 48],
    ]);
    for (const { features, values } of dataset.modalities) {
      expect(values.length).toBe(4500 * features);
      expect(values.every(Number.isFinite)).toBe(true);
    }
    expect(dataset.factors['causal']?.width).toBe(8);
    expect(dataset.factors['spurious']?.width).toBe(4);
    expect(dataset.label).toMatchObject({ name: 'label', task: 'regression' });
    expect([dataset.ids[0], dataset.ids[2000], dataset.ids[4499]]).toEqual([
      'train-0001',
      'valid-0001',
      'shifted-1000',
    ]);
    expect(new Set(dataset.ids).size).toBe(4500);
  });

  test.each([
    ['train', 1],
    ['test', 1],
    ['shifted', -1],
  ])('correlates spurious factors with the label as it must in %s', (split, sign) => {
    for (let k = 0; k < 4; k += 1) {
      const { mean, variance, correlation } = moments(
        columnOf(dataset, split, 'spurious', k),
        labels(split),
      );
      expect(Math.abs(mean)).toBeLessThan(0.15);
      expect(Math.abs(variance - 1)).toBeLessThan(0.2);
      expect(Math.abs(correlation - 0.9 * sign)).toBeLessThan(0.03);
    }
  });

  test('draws causal factors and label with unit variance, |w| = 1', () => {
    const y = labels('train');
    let explained = 0;
    for (let k = 0; k < 8; k += 1) {
      const { mean, variance, correlation } = moments(columnOf(dataset, 'train', 'causal', k), y);
      expect(Math.abs(mean)).toBeLessThan(0.1);
      expect(Math.abs(variance - 1)).toBeLessThan(0.15);
      explained += correlation ** 2;
    }
    // Each correlation is w_k / sqrt(1.25), so their squares sum to 1 / 1.25.
    expect(Math.abs(explained - 0.8)).toBeLessThan(0.05);
    expect(Math.abs(moments(y, y).variance - 1)).toBeLessThan(0.15);
  });
});

test('draws stay the same from version to version', () => {
  const [text, , vision] = syntheticDataset().modalities;
  const { label, factors } = syntheticDataset();
  expect([...(text?.values.slice(0, 2) ?? [])]).toEqual([
    -0.5583056807518005, -0.44649967551231384,
  ]);
  expect(vision?.values.at(-1)).toBe(0.1452784538269043);
  expect(label?.values.at(-1)).toBe(-0.26727718114852905);
  expect(factors['spurious']?.values.at(-1)).toBe(-0.09826675802469254);
});

describe('the mixing', () => {
  const pure = { ...small, modalities: { text: 40 }, noise: 0 };
  const variance = (values: Float32Array): number =>
    values.reduce((sum, x) => sum + x * x, 0) / values.length;

  test('is linear in the factors when the noise is 0', () => {
    // With one factor of each kind, x = c a + s b has rank two: any three columns are dependent.
    const dataset = syntheticDataset({ ...pure, causal: 1, spurious: 1 });
    const [text] = dataset.modalities;
    const c = dataset.factors['causal']?.values ?? [];
    const s = dataset.factors['spurious']?.values ?? [];
    const x = (row: number, column: number): number => text?.values[row * 40 + column] ?? NaN;
    const [c0 = 0, c1 = 0] = c;
    const [s0 = 0, s1 = 0] = s;
    const determinant = c0 * s1 - c1 * s0;
    for (const column of [0, 7, 39]) {
      const a = (x(0, column) * s1 - x(1, column) * s0) / determinant;
      const b = (c0 * x(1, column) - c1 * x(0, column)) / determinant;
      for (let row = 2; row < dataset.size; row += 1) {
        expect(x(row, column)).toBeCloseTo((c[row] ?? NaN) * a + (s[row] ?? NaN) * b, 4);
      }
    }
  });

  test('gives the causal part about unit variance, the noise its own', () => {
    const sizes = { train: 2000, valid: 0, test: 0, shifted: 0, modalities: { text: 40 } };
    const quiet =
      syntheticDataset({ ...sizes, noise: 0 }).modalities[0]?.values ?? new Float32Array();
    const loud =
      syntheticDataset({ ...sizes, noise: 2 }).modalities[0]?.values ?? new Float32Array();
    expect(Math.abs(variance(quiet) - 1)).toBeLessThan(0.4);
    const noise = loud.map((value, i) => value - (quiet[i] ?? NaN));
    expect(Math.abs(variance(noise) - 4)).toBeLessThan(0.1);
  });
});

describe('the seed', () => {
  test('decides everything', () => {
    expect(syntheticDataset({ ...small, seed: 5 })).toEqual(
      syntheticDataset({ ...small, seed: 5 }),
    );
    const other = syntheticDataset({ ...small, seed: 6 });
    expect(other.label?.values).not.toEqual(syntheticDataset({ ...small, seed: 5 }).label?.values);
  });

  test('gives each part its own draws', () => {
    const one = syntheticDataset(small);
    const two = syntheticDataset({ ...small, train: 21, modalities: { text: 64, other: 3 } });
    const part = (dataset: Dataset, split: string, modality: number): Float32Array[] => {
      const { features = 0, values = new Float32Array() } = dataset.modalities[modality] ?? {};
      return Array.from(dataset.split(split).rows, (row) =>
        values.slice(row * features, (row + 1) * features),
      );
    };
    expect(part(two, 'shifted', 0)).toEqual(part(one, 'shifted', 0));
    expect(part(two, 'train', 0).slice(0, 20)).toEqual(part(one, 'train', 0));
  });
});

test('a split of 0 examples is left out', () => {
  const dataset = syntheticDataset({ ...small, valid: 0, shifted: 0 });
  expect([...dataset.splits.keys()]).toEqual(['train', 'test']);
});

/** Frames of one example, each a list of features. */
function framesOf({ features, values, ...modality }: Modality, example: number): number[][] {
  const [begin, end] = rowRange({ ...modality, features, values }, example);
  return Array.from({ length: end - begin }, (_, t) => [
    ...values.subarray((begin + t) * features, (begin + t + 1) * features),
  ]);
}

function modality(dataset: Dataset, name: string): Modality {
  const found = dataset.modalities.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no modality ${name}`);
  return found;
}

const lengthsOf = ({ offsets = new Float64Array(0) }: Modality): number[] =>
  Array.from(offsets.subarray(1), (end, i) => end - (offsets[i] ?? NaN));

describe('a sequence', () => {
  const narrow = { ...small, modalities: { text: 5, audio: 3 } };
  const flat = syntheticDataset(narrow);

  test('has frames whose mean is the vector that it would be otherwise', () => {
    const dataset = syntheticDataset({ ...narrow, sequence: { minLength: 1, maxLength: 9 } });
    for (const name of ['text', 'audio']) {
      const sequence = modality(dataset, name);
      const vector = modality(flat, name);
      for (let example = 0; example < dataset.size; example += 1) {
        const frames = framesOf(sequence, example);
        const expected = framesOf(vector, example)[0] ?? [];
        expected.forEach((value, j) => {
          const mean = frames.reduce((sum, frame) => sum + (frame[j] ?? NaN), 0) / frames.length;
          expect(Math.abs(mean - value)).toBeLessThan(1e-6 * (1 + Math.abs(value)));
        });
      }
    }
    expect(dataset.label).toEqual(flat.label);
    expect(dataset.factors).toEqual(flat.factors);
  });

  test('scatters its frames as it is told', () => {
    const length = 200;
    const dataset = syntheticDataset({ ...narrow, sequence: { length }, frameNoise: 2 });
    const text = modality(dataset, 'text');
    expect(text.offsets).toEqual(Float64Array.from({ length: 39 }, (_, i) => i * length));
    let squares = 0;
    for (let example = 0; example < 38; example += 1) {
      const mean = framesOf(modality(flat, 'text'), example)[0] ?? [];
      for (const frame of framesOf(text, example)) {
        frame.forEach((value, j) => (squares += (value - (mean[j] ?? NaN)) ** 2));
      }
    }
    // 4 (1 - 1 / length); its standard error is 4 sqrt(2 / 38000) = 0.03.
    expect(Math.abs(squares / (38 * length * 5) - 4)).toBeLessThan(0.15);
    const still = syntheticDataset({ ...narrow, sequence: { length: 3 }, frameNoise: 0 });
    const vector = framesOf(modality(flat, 'text'), 7)[0];
    expect(framesOf(modality(still, 'text'), 7)).toEqual([vector, vector, vector]);
  });

  test('has every length of its range alike, drawn for each example and modality', () => {
    const sizes = { train: 3000, valid: 0, test: 0, shifted: 0, modalities: { a: 1, b: 1 } };
    const dataset = syntheticDataset({ ...sizes, sequence: { minLength: 0, maxLength: 4 } });
    const [a, b] = ['a', 'b'].map((name) => lengthsOf(modality(dataset, name)));
    const counts = [0, 1, 2, 3, 4].map((length) => a?.filter((n) => n === length).length ?? 0);
    // 600 expected, standard deviation 22.
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(110);
    expect(a?.length).toBe(3000);
    expect(a).not.toEqual(b);
  });

  test('by modality leaves the others as they were', () => {
    const dataset = syntheticDataset({ ...narrow, sequence: { audio: { length: 2 } } });
    expect(modality(dataset, 'text')).toEqual(modality(flat, 'text'));
    expect(lengthsOf(modality(dataset, 'audio'))).toEqual(Array(38).fill(2));
  });
});

describe('a missing modality', () => {
  const sizes = { train: 2000, valid: 0, test: 0, shifted: 0, modalities: { text: 3, audio: 2 } };
  const whole = syntheticDataset(sizes);

  test('is NaN as often as asked, and leaves the rest as it was', () => {
    const dataset = syntheticDataset({ ...sizes, missing: { text: 0.3 } });
    const text = modality(dataset, 'text');
    expect(text.nanIsMissing).toBe(true);
    let lacking = 0;
    for (let example = 0; example < 2000; example += 1) {
      const [values = []] = framesOf(text, example);
      if (values.every(Number.isNaN)) lacking += 1;
      else expect(values).toEqual(framesOf(modality(whole, 'text'), example)[0]);
    }
    // Standard deviation 20.
    expect(Math.abs(lacking - 600)).toBeLessThan(100);
    expect(modality(dataset, 'audio')).toEqual(modality(whole, 'audio'));
    expect(dataset.label).toEqual(whole.label);
  });

  test('is a sequence of length 0, and leaves the rest as it was', () => {
    const sequence = { minLength: 2, maxLength: 3 };
    const complete = modality(syntheticDataset({ ...sizes, sequence }), 'text');
    const dataset = syntheticDataset({ ...sizes, sequence, missing: 0.5 });
    const text = modality(dataset, 'text');
    expect(text.nanIsMissing).toBeUndefined();
    const lengths = lengthsOf(text);
    lengths.forEach((length, example) => {
      if (length > 0) expect(framesOf(text, example)).toEqual(framesOf(complete, example));
    });
    const lacking = lengths.filter((length) => length === 0).length;
    expect(Math.abs(lacking - 1000)).toBeLessThan(110);
    expect(lengthsOf(modality(dataset, 'audio')).map((n) => n === 0)).not.toEqual(
      lengths.map((n) => n === 0),
    );
  });

  test.each([
    [0, 0],
    [1, 2000],
  ])('with probability %d: %d examples', (missing, expected) => {
    const { values } = modality(syntheticDataset({ ...sizes, missing }), 'audio');
    expect(values.filter(Number.isNaN).length).toBe(2 * expected);
  });
});

describe('classes', () => {
  test('are the label, cut into equally likely parts', () => {
    const sizes = { train: 4000, valid: 0, test: 0, shifted: 0, modalities: { text: 1 } };
    const numbers = syntheticDataset(sizes).label?.values ?? new Float32Array(0);
    const { label, factors } = syntheticDataset({ ...sizes, classes: 5 });
    expect(label).toMatchObject({ task: 'classification', classes: ['0', '1', '2', '3', '4'] });
    expect(factors).toEqual(syntheticDataset(sizes).factors);
    const bounds = Array.from({ length: 5 }, (_, c) => {
      const members = numbers.filter((__, row) => label?.values[row] === c);
      // Standard deviation 25.
      expect(Math.abs(members.length - 800)).toBeLessThan(130);
      return [Math.min(...members), Math.max(...members)] as const;
    });
    for (let c = 1; c < 5; c += 1) {
      expect(bounds[c - 1]?.[1]).toBeLessThan(bounds[c]?.[0] ?? NaN);
    }
  });

  test('are cut where the normal distribution has its quantiles', () => {
    expect([...normalCuts(4)]).toEqual([
      expect.closeTo(-0.6744897501960817, 12),
      expect.closeTo(0, 12),
      expect.closeTo(0.6744897501960817, 12),
    ]);
    expect(normalCuts(20)[0]).toBeCloseTo(-1.6448536269514722, 12);
  });
});

describe('strengths', () => {
  const sizes = { train: 3000, valid: 0, test: 0, shifted: 3000, modalities: { text: 4 } };
  const labels = (dataset: Dataset, split: string): number[] =>
    Array.from(dataset.split(split).rows, (row) => dataset.label?.values[row] ?? NaN);
  const correlationIn = (dataset: Dataset, split: string): number =>
    moments(columnOf(dataset, split, 'spurious', 1), labels(dataset, split)).correlation;

  test('the correlation in shifted is its own', () => {
    const dataset = syntheticDataset({ ...sizes, correlation: 0.5, shiftedCorrelation: 0 });
    expect(Math.abs(correlationIn(dataset, 'train') - 0.5)).toBeLessThan(0.07);
    expect(Math.abs(correlationIn(dataset, 'shifted'))).toBeLessThan(0.1);
    const turned = syntheticDataset({ ...sizes, correlation: 0.5 });
    expect(Math.abs(correlationIn(turned, 'shifted') + 0.5)).toBeLessThan(0.07);
  });

  test('without label noise the label is its causes’', () => {
    const explained = (labelNoise: number): number => {
      const dataset = syntheticDataset({ ...sizes, labelNoise });
      return [0, 1, 2, 3, 4, 5, 6, 7]
        .map((k) => moments(columnOf(dataset, 'train', 'causal', k), labels(dataset, 'train')))
        .reduce((sum, { correlation }) => sum + correlation ** 2, 0);
    };
    expect(Math.abs(explained(0) - 1)).toBeLessThan(0.1);
    expect(Math.abs(explained(2) - 0.2)).toBeLessThan(0.1);
  });

  test('the spurious part has its weight', () => {
    const valuesOf = (spuriousScale: number): Float32Array =>
      modality(syntheticDataset({ ...sizes, noise: 0, spuriousScale }), 'text').values;
    const none = valuesOf(0);
    const [once, twice] = [valuesOf(1), valuesOf(2)];
    const part = once.map((value, i) => value - (none[i] ?? NaN));
    twice.forEach((value, i) => {
      expect(Math.abs(value - (none[i] ?? NaN) - 2 * (part[i] ?? NaN))).toBeLessThan(1e-5);
    });
    expect(part.some((value) => Math.abs(value) > 0.5)).toBe(true);
  });
});

describe('chunks', () => {
  const OPTIONS: SyntheticOptions[] = [
    { ...small, modalities: { text: 4, audio: 3 } },
    {
      ...small,
      seed: 3,
      modalities: { text: 4, audio: 3, vision: 2 },
      sequence: { audio: { minLength: 0, maxLength: 5 }, vision: { length: 2 } },
      missing: 0.2,
      classes: 3,
    },
  ];

  test.each(OPTIONS)('one after another are the whole: %j', async (options) => {
    const whole = syntheticDataset(options);
    const chunks: Dataset[] = [];
    for await (const chunk of syntheticChunks(options, { examples: 6 })) chunks.push(chunk);
    expect(chunks.map(({ size }) => size)).toEqual([6, 6, 6, 2, 5, 6, 6, 1]);
    const join = (parts: readonly (ArrayLike<number> | undefined)[]): Float32Array =>
      Float32Array.from(parts.flatMap((part) => Array.from(part ?? [])));

    expect(chunks.flatMap(({ ids }) => ids)).toEqual(whole.ids);
    expect(join(chunks.map(({ label }) => label?.values))).toEqual(whole.label?.values);
    for (const { label } of chunks) expect(label?.classes).toEqual(whole.label?.classes);
    for (const [name, { values }] of Object.entries(whole.factors)) {
      expect(join(chunks.map(({ factors }) => factors[name]?.values))).toEqual(values);
    }
    whole.modalities.forEach(({ values, offsets, ...fields }, m) => {
      expect(join(chunks.map(({ modalities }) => modalities[m]?.values))).toEqual(values);
      for (const { modalities } of chunks) expect(modalities[m]).toMatchObject(fields);
      if (offsets === undefined) return;
      const lengths = chunks.flatMap(({ modalities }) => lengthsOf(modalities[m] as Modality));
      expect(lengths).toEqual(lengthsOf(whole.modalities[m] as Modality));
    });
    const names = chunks.map(({ splits }) => [...splits.keys()].join());
    expect(names).toEqual([
      ...Array<string>(4).fill('train'),
      'valid',
      'test',
      'shifted',
      'shifted',
    ]);
    for (const { size, splits } of chunks) {
      const rows = [...splits.values()][0];
      expect(rows).toEqual(Int32Array.from({ length: size }, (_, row) => row));
    }
  });

  test('are of a few thousand examples unless asked for otherwise', async () => {
    const sizes: number[] = [];
    const options = { train: 9000, valid: 0, test: 0, shifted: 0, modalities: { text: 1 } };
    for await (const { size } of syntheticChunks(options)) sizes.push(size);
    expect(sizes).toEqual([4096, 4096, 808]);
  });

  test.each([0, 1.5])('of %d examples are refused', async (examples) => {
    const error = await errorOf(() => syntheticChunks(small, { examples }).next());
    expect(error.message).toContain(`synthetic.examples: found ${String(examples)}`);
  });
});

test.each([
  [{ seed: -1 }, 'synthetic.seed: found -1, expected an integer from 0 to 2^53 - 1'],
  [{ train: 1 }, 'synthetic.train: found 1, expected an integer from 2'],
  [{ valid: 1.5 }, 'synthetic.valid: found 1.5, expected an integer from 0'],
  [{ shifted: -1 }, 'synthetic.shifted: found -1, expected an integer from 0'],
  [{ modalities: {} }, 'synthetic.modalities: found 0, expected at least one'],
  [{ modalities: { text: 0 } }, 'synthetic.modalities.text: found 0, expected an integer from 1'],
  [{ causal: 0 }, 'synthetic.causal: found 0, expected an integer from 1'],
  [{ spurious: NaN }, 'synthetic.spurious: found NaN, expected an integer from 1'],
  [{ correlation: 1.1 }, 'synthetic.correlation: found 1.1, expected a number from -1 to 1'],
  [{ noise: -0.1 }, 'synthetic.noise: found -0.1, expected a number from 0'],
  [
    { shiftedCorrelation: -2 },
    'synthetic.shiftedCorrelation: found -2, expected a number from -1 to 1',
  ],
  [{ labelNoise: Infinity }, 'synthetic.labelNoise: found Infinity, expected a number from 0'],
  [{ frameNoise: -1 }, 'synthetic.frameNoise: found -1, expected a number from 0'],
  [{ spuriousScale: NaN }, 'synthetic.spuriousScale: found NaN, expected a number from 0'],
  [{ classes: 1 }, 'synthetic.classes: found 1, expected 0, or an integer from 2 to 20'],
  [{ missing: 1.5 }, 'synthetic.missing.text: found 1.5, expected a probability from 0 to 1'],
  [
    { missing: { sound: 0.5 } },
    'synthetic.missing.sound: found an unknown modality, expected one of text, audio, vision',
  ],
  [{ sequence: { length: 0 } }, 'synthetic.sequence.length: found 0, expected an integer from 1'],
  [
    { sequence: { audio: { minLength: 3, maxLength: 2 } } },
    'synthetic.sequence.audio.maxLength: found 2, expected an integer from 3',
  ],
  [
    { sequence: { minLength: 0, maxLength: 0 } },
    'synthetic.sequence.maxLength: found 0, expected an integer from 1',
  ],
  [
    { sequence: { sound: { length: 2 } } },
    'synthetic.sequence.sound: found an unknown modality, expected one of text, audio, vision',
  ],
  [
    { corelation: 0.5 } as SyntheticOptions,
    'synthetic.corelation: found an unknown option, expected one of seed, modalities, train, valid, test, shifted, ' +
      'causal, spurious, correlation, spuriousScale, noise, labelNoise, frameNoise, classes, missing, ' +
      "shiftedCorrelation, sequence; did you mean 'correlation'?",
  ],
] as [SyntheticOptions, string][])('refuses %j', async (options, message) => {
  const error = await errorOf(() => syntheticDataset(options));
  expect(error.code).toBe('ERR_CMIR_CONFIG');
  expect(error.message).toBe(message);
});
