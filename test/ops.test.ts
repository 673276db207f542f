import { ops, type Loss, type Tensor } from '../lib/ops';
import { keyedGenerator, normalSource } from '../lib/data/random';
import { errorOf } from './training/fixture';

const normal = normalSource(keyedGenerator(7, 1));

function tensor(shape: number[], type: 'float32' | 'float64' = 'float64'): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  const data = type === 'float64' ? new Float64Array(length) : new Float32Array(length);
  return { shape, data: data.map(() => normal()) };
}

/** The naive double loops of the definitions, on plain numbers. */
const NAIVE = {
  invariance(z: Tensor): number {
    const [environments = 0] = z.shape;
    const size = z.data.length / environments;
    let total = 0;
    for (let i = 0; i < environments; ++i) {
      for (let j = i + 1; j < environments; ++j) {
        for (let k = 0; k < size; ++k) {
          const difference = (z.data[i * size + k] as number) - (z.data[j * size + k] as number);
          total += Math.abs(difference) / size;
        }
      }
    }
    return (2 * total) / (environments * (environments - 1));
  },

  decorrelation(invariant: Tensor, spurious: Tensor, offDiagonal: number): number {
    const [environments = 0, batch = 0, width = 0] = invariant.shape;
    const row = ({ data }: Tensor, e: number, i: number) => [
      ...data.subarray((e * batch + i) * width, (e * batch + i + 1) * width),
    ];
    const dot = (a: number[], b: number[]) =>
      a.reduce((sum, value, k) => sum + value * (b[k] as number), 0);
    let total = 0;
    for (let e = 0; e < environments; ++e) {
      for (let i = 0; i < batch; ++i) {
        for (let j = 0; j < batch; ++j) {
          const [a, b] = [row(invariant, e, i), row(spurious, e, j)];
          const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
          total += ((i === j ? 1 : offDiagonal) * cosine) ** 2;
        }
      }
    }
    return total / (environments * batch);
  },

  reconstruction(output: Tensor, target: Tensor): number {
    const squares = [...output.data].map(
      (value, i) => (value - (target.data[i % target.data.length] as number)) ** 2,
    );
    return squares.reduce((a, b) => a + b, 0) / squares.length;
  },
};

/** Checks a gradient by central differences of the naive form. */
function checkGradient(loss: Loss, index: number, input: Tensor, value: () => number): void {
  const gradient = loss.gradients[index] as Tensor;
  expect(gradient.shape).toEqual(input.shape);
  const step = 1e-6;
  for (let i = 0; i < input.data.length; ++i) {
    const kept = input.data[i] as number;
    input.data[i] = kept + step;
    const above = value();
    input.data[i] = kept - step;
    const below = value();
    input.data[i] = kept;
    expect(gradient.data[i]).toBeCloseTo((above - below) / (2 * step), 6);
  }
}

describe('the constraints are their definitions, with their gradients', () => {
  test('invariance', async () => {
    const z = tensor([4, 3, 2]);
    const loss = await ops.invariance(z);
    expect(loss.value).toBeCloseTo(NAIVE.invariance(z), 10);
    expect(loss.gradients).toHaveLength(1);
    checkGradient(loss, 0, z, () => NAIVE.invariance(z));
  });

  test.each([0, 0.3, 1])('decorrelation, off the diagonal %d', async (offDiagonal) => {
    const [a, b] = [tensor([2, 3, 4]), tensor([2, 3, 4])];
    const loss = await ops.decorrelation(a, b, offDiagonal);
    const value = () => NAIVE.decorrelation(a, b, offDiagonal);
    expect(loss.value).toBeCloseTo(value(), 10);
    expect(loss.gradients).toHaveLength(2);
    checkGradient(loss, 0, a, value);
    checkGradient(loss, 1, b, value);
  });

  test.each([[[2, 3, 5]], [[3, 5]]])('reconstruction of a target %j', async (shape) => {
    const [output, target] = [tensor([2, 3, 5]), tensor(shape)];
    const loss = await ops.reconstruction(output, target);
    const value = () => NAIVE.reconstruction(output, target);
    expect(loss.value).toBeCloseTo(value(), 10);
    checkGradient(loss, 0, output, value);
  });

  test('in float32 they stay in float32', async () => {
    const z = tensor([3, 2, 2], 'float32');
    const loss = await ops.invariance(z);
    expect(loss.gradients[0]?.data.BYTES_PER_ELEMENT).toBe(4);
    expect(loss.value).toBeCloseTo(NAIVE.invariance(z), 5);
  });
});

test('of no examples they are 0', async () => {
  expect((await ops.invariance(tensor([3, 0, 4]))).value).toBe(0);
  expect((await ops.decorrelation(tensor([3, 0, 4]), tensor([3, 0, 4]), 0.3)).value).toBe(0);
  expect((await ops.reconstruction(tensor([3, 0, 4]), tensor([0, 4]))).value).toBe(0);
});

describe('perturb', () => {
  const environments = [
    { kind: 'gaussian', intensity: 2 },
    { kind: 'erase', intensity: 0.5 },
  ] as const;

  test('leaves the clean input first, then a copy an environment', async () => {
    const x = tensor([500, 8], 'float32');
    const { shape, data } = await ops.perturb(x, { environments, seed: 1 });
    expect(shape).toEqual([3, 500, 8]);
    const part = (e: number) => data.subarray(e * 4000, (e + 1) * 4000);
    expect(part(0)).toEqual(x.data);
    const noise = [...part(1)].map((value, i) => value - (x.data[i] as number));
    expect(noise.reduce((a, b) => a + b ** 2, 0) / 4000).toBeCloseTo(4, 0);
    const zeros = [...part(2)].filter((value) => value === 0).length;
    expect(zeros / 4000).toBeCloseTo(0.5, 1);
  });

  test('draws go by seed, step and key', async () => {
    const x = tensor([3, 4], 'float32');
    const draw = async (options: object) =>
      (await ops.perturb(x, { environments, seed: 1, ...options })).data;
    const base = await draw({});
    expect(await draw({ keys: Uint32Array.of(0, 1, 2) })).toEqual(base);
    for (const other of [{ seed: 2 }, { step: 1 }, { keys: Uint32Array.of(5, 6, 7) }]) {
      expect(await draw(other)).not.toEqual(base);
    }
  });

  test('an environment out of range is refused', async () => {
    const error = await errorOf(() =>
      ops.perturb(tensor([1, 1]), { environments: [{ kind: 'drop', intensity: -1 }], seed: 1 }),
    );
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain('environments.0.intensity');
  });
});

test('every operator rejects, none throws', async () => {
  const wrong = undefined as never;
  const pending = [
    ops.perturb(tensor([1, 1]), wrong),
    ops.perturb(tensor([1, 1]), { environments: wrong, seed: 1 }),
    ops.perturb(tensor([1, 1]), { environments: [{ kind: 'drop', intensity: -1 }], seed: 1 }),
    ops.invariance(wrong),
    ops.decorrelation(wrong, wrong, wrong),
    ops.reconstruction(wrong, wrong),
  ];
  for (const call of pending) expect((await errorOf(() => call)).isInputError).toBe(true);
});

describe('what does not fit is refused by name', () => {
  test.each<[string, () => Promise<unknown>, string]>([
    ['one environment', () => ops.invariance(tensor([1, 2])), 'invariance'],
    [
      'unequal codes',
      () => ops.decorrelation(tensor([2, 3, 4]), tensor([2, 3, 5]), 0.3),
      'decorrelation',
    ],
    [
      'a weight above 1',
      () => ops.decorrelation(tensor([2, 3, 4]), tensor([2, 3, 4]), 1.5),
      'decorrelation',
    ],
    [
      'a target of another shape',
      () => ops.reconstruction(tensor([2, 3, 4]), tensor([2, 4])),
      'reconstruction',
    ],
    [
      'data that does not fill its shape',
      () => ops.invariance({ shape: [2, 3], data: new Float32Array(5) }),
      'z: found 5 values, expected those of shape [2, 3]',
    ],
    [
      'mixed precision',
      () => ops.reconstruction(tensor([2, 3, 4]), tensor([3, 4], 'float32')),
      'found float64 and float32',
    ],
    ['no tensor', () => ops.invariance(undefined as unknown as Tensor), ''],
  ])('%s', async (_, act, words) => {
    const error = await errorOf(act);
    expect(error.code).toBe('ERR_CMIR_USAGE');
    expect(error.message).toContain(words);
    expect(error.message).not.toMatch(/Exception raised from|frame #/);
  });
});
