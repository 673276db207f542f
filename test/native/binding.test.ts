import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

import type { NativeConfig, Trainer } from '../../binding';
import { nativeConfig, resolveConfig } from '../../lib/config';
import { messageOf } from '../../lib/errors';
import { loadAddon } from '../../lib/native/load';

const addon = loadAddon();

const CONFIG: NativeConfig = nativeConfig(
  resolveConfig({
    device: 'cpu',
    prediction: { loss: 'l1' },
    model: { hidden: 8, latent: 4 },
    environments: [
      { kind: 'gaussian', intensity: 0.5 },
      { kind: 'laplace', intensity: 1 },
      { kind: 'erase', intensity: 0.25 },
      { kind: 'drop', intensity: 0.125 },
    ],
    seed: 2 ** 53 - 1,
  }),
  {
    modalities: [
      { name: 'text', features: 3, sequence: false },
      { name: 'körper 2', features: 2, sequence: false },
    ],
    outputs: 1,
  },
);

/** What binding.d.ts says that the addon exports: names, and the members of classes and objects. */
function declared(): Record<string, string[]> {
  const file = join(__dirname, '..', '..', 'binding.d.ts');
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const membersOf = (members: ts.NodeArray<ts.ClassElement | ts.TypeElement>): string[] =>
    members.flatMap(({ name }) => (name && ts.isIdentifier(name) ? [name.text] : [])).sort();
  const interfaces = new Map<string, string[]>();
  source.forEachChild((node) => {
    if (ts.isInterfaceDeclaration(node)) interfaces.set(node.name.text, membersOf(node.members));
  });
  const found: Record<string, string[]> = {};
  source.forEachChild((node) => {
    if (ts.isClassDeclaration(node)) found[node.name?.text ?? ''] = membersOf(node.members);
    if (ts.isFunctionDeclaration(node)) found[node.name?.text ?? ''] = [];
    if (ts.isVariableStatement(node)) {
      for (const { name, type } of node.declarationList.declarations) {
        const typeName = type?.getText(source) ?? '';
        found[name.getText(source)] = interfaces.get(typeName) ?? [];
      }
    }
  });
  return found;
}

test('binding.d.ts declares what the addon exports, no more and no less', () => {
  const exported = Object.fromEntries(
    // `path` is of the package bindings.
    Object.entries(addon)
      .filter(([name]) => name !== 'path')
      .map(([name, value]) => {
        const owner: unknown = typeof value === 'function' ? value.prototype : value;
        const members = Object.getOwnPropertyNames(owner ?? {});
        return [name, members.filter((member) => member !== 'constructor').sort()];
      }),
  );
  expect(exported).toEqual(declared());
  expect(exported['Trainer']).toContain('trainEpoch');
});

describe('the configuration crosses over whole', () => {
  test('C++ reads every field and no other', () => {
    expect(addon.echoConfig(CONFIG)).toEqual(CONFIG);
  });

  /** Paths of all values inside, as in `weights.invariance`. */
  function paths(value: unknown, prefix = ''): string[] {
    if (typeof value !== 'object' || value === null) return [prefix];
    return Object.entries(value).flatMap(([key, inner]) =>
      paths(inner, prefix === '' ? key : `${prefix}.${key}`),
    );
  }

  function changed(path: string, value: unknown): NativeConfig {
    const config = structuredClone(CONFIG);
    const keys = path.split('.');
    const last = keys.pop() as string;
    const owner = keys.reduce<unknown>(
      (inner, key) => (inner as Record<string, unknown>)[key],
      config,
    ) as Record<string, unknown>;
    if (value === undefined) Reflect.deleteProperty(owner, last);
    else owner[last] = value;
    return config;
  }

  /** `environments.0.kind` as C++ writes it: `environments[0].kind`. */
  const shown = (path: string) => path.replace(/\.(\d+)/g, '[$1]');

  test.each(paths(CONFIG))('%s missing or of another type is a TypeError that names it', (path) => {
    for (const value of [undefined, null, {}, []]) {
      const act = () => addon.echoConfig(changed(path, value));
      expect(act).toThrow(`config.${shown(path)}: expected`);
      // Not instanceof: jest's globals are not those of the addon.
      expect(act).toThrow(expect.objectContaining({ name: 'TypeError' }) as Error);
    }
  });

  test.each<[string, unknown]>([
    ['seed', -1],
    ['seed', 0.5],
    ['seed', 2 ** 53],
    ['threads', -1],
    ['precision', 'float16'],
    ['modalities', []],
    ['modalities.0.features', 0],
    ['modalities.1.name', 'text'],
    ['maxLength', -1],
    ['maxLength', 1.5],
    ['outputs', 0],
    ['model.hidden', 0],
    ['model.latent', -3],
    ['model.dropout', 1],
    ['model.pooling', 'max'],
    ['environments.0.kind', 'fog'],
    ['environments.0.intensity', -0.1],
    ['environments.0.intensity', Number.NaN],
    ['environments', []],
    ['weights.invariance', -1],
    ['weights.reconstruction', Number.POSITIVE_INFINITY],
    ['weights.risk', -1],
    ['weights.consistency', Number.NaN],
    ['decorrelation.offDiagonal', 1.5],
    ['prediction.loss', 'hinge'],
    ['prediction.on', 'noisy'],
    ['reconstruction.target', 'mean'],
    ['optimizer.learningRate', -1],
    ['optimizer.weightDecay', Number.NaN],
    ['optimizer.clipNorm', -1],
    ['optimizer.schedule', 'step'],
    ['optimizer.warmup', 1],
    ['optimizer.epochs', 0],
    ['optimizer.accumulation', 0],
    ['optimizer.averaging', 1],
    ['prediction.classWeights', [1]],
  ])('%s of %j is refused', (path, value) => {
    const config = changed(path, value);
    expect(() => addon.echoConfig(config)).toThrow();
    expect(() => new addon.Trainer(config)).toThrow();
  });

  test('an accessor that throws is the error', () => {
    const config = { ...CONFIG };
    Object.defineProperty(config, 'weights', {
      get() {
        throw new RangeError('from the accessor');
      },
    });
    expect(() => addon.echoConfig(config)).toThrow('from the accessor');
  });
});

describe('the trainer checks its arguments', () => {
  let trainer: Trainer;

  beforeEach(async () => {
    trainer = new addon.Trainer(CONFIG);
    await trainer.upload({
      rows: 4,
      features: [
        { values: new Float32Array(12).map((_, i) => i), offsets: null },
        { values: new Float32Array(8).map((_, i) => -i), offsets: null },
      ],
      replaceNonFinite: false,
      targets: Float32Array.of(0, 1, 2, 3),
      keys: null,
    });
  });
  afterEach(() => {
    trainer.dispose();
  });

  /** The message that a call throws or rejects with. */
  async function refusal(act: () => unknown): Promise<string> {
    try {
      await act();
    } catch (error) {
      return messageOf(error);
    }
    throw new Error('nothing was thrown');
  }

  const flat = (length: number) => ({ values: new Float32Array(length), offsets: null });
  const data = {
    rows: 1,
    features: [flat(3), flat(2)],
    replaceNonFinite: false,
    targets: null,
    keys: null,
  };
  const NOISE = { kind: 'erase', intensity: 0.5, seed: 0, modalities: null } as const;
  /** The same with something else in place of the first modality. */
  const first = (features: unknown) => ({ ...data, features: [features as never, flat(2)] });

  test.each<[string, (trainer: Trainer) => unknown, string]>([
    ['rows of another kind', (t) => t.predict([0] as unknown as Int32Array, null), 'rows'],
    ['a row that is not there', (t) => t.predict(Int32Array.of(4), null), 'from 0 to 3, found 4'],
    ['a negative row', (t) => t.trainEpoch(Int32Array.of(-1), 2), 'from 0 to 3, found -1'],
    ['a batch of none', (t) => t.trainEpoch(Int32Array.of(0), 0), 'batch'],
    ['a batch of a half', (t) => t.trainEpoch(Int32Array.of(0), 0.5), 'batchSize'],
    [
      'noise of no kind',
      (t) => t.predict(Int32Array.of(0), { ...NOISE, kind: 'fog' as 'drop' }),
      'fog',
    ],
    [
      'noise on no modality of the model',
      (t) => t.predict(Int32Array.of(0), { ...NOISE, modalities: ['smell'] }),
      "noise.modalities: the model has no modality 'smell'",
    ],
    [
      'a modality that is no name',
      (t) => t.predict(Int32Array.of(0), { ...NOISE, modalities: [1 as never] }),
      'noise.modalities[0]: expected',
    ],
    [
      'a probability above 1',
      (t) => t.predict(Int32Array.of(0), { ...NOISE, intensity: 1.1 }),
      'noise.intensity: expected a probability from 0 to 1, found 1.1',
    ],
    [
      'too few examples',
      (t) => t.upload({ ...data, rows: 2 }),
      'data.features[0]: expected 2 examples, found 1',
    ],
    [
      'too few features',
      (t) => t.upload(first(flat(2))),
      'data.features[0].values: expected rows of 3 values, found 2 values',
    ],
    ['too few modalities', (t) => t.upload({ ...data, features: [] }), 'data.features'],
    ['no features', (t) => t.upload(first(null)), 'data.features[0]: expected an object'],
    [
      'features of another type',
      (t) => t.upload(first({ values: new Float64Array(3), offsets: null })),
      'data.features[0].values: expected a Float32Array',
    ],
    [
      'a file of no name',
      (t) => t.upload(first({ values: { offset: 0, rows: 1 }, offsets: null })),
      'data.features[0].values.path: expected a string, found undefined',
    ],
    [
      'a file that is not there',
      (t) =>
        t.upload(first({ values: { path: '/no/such/file', offset: 0, rows: 1 }, offsets: null })),
      '/no/such/file: No such file',
    ],
    [
      'offsets of another type',
      (t) => t.upload(first({ values: new Float32Array(3), offsets: Int32Array.of(0, 1) })),
      'data.features[0].offsets: expected a Float64Array',
    ],
    [
      'offsets of half a frame',
      (t) => t.upload(first({ values: new Float32Array(3), offsets: Float64Array.of(0, 0.5) })),
      'data.features[0].offsets: expected safe integers, found 0.5',
    ],
    [
      'offsets of other examples',
      (t) => t.upload(first({ values: new Float32Array(3), offsets: Float64Array.of(0, 1, 1) })),
      'data.features[0]: expected 1 examples, found 2',
    ],
    [
      'a sequence where there is none',
      (t) => t.upload(first({ values: new Float32Array(3), offsets: Float64Array.of(0, 1) })),
      "'text': expected a vector an example, found a sequence of frames",
    ],
    [
      'no word on missing values',
      (t) => t.upload({ ...data, replaceNonFinite: undefined as never }),
      'data.replaceNonFinite',
    ],
    ['keys of another length', (t) => t.upload({ ...data, keys: new Uint32Array(2) }), 'keys'],
    ['no data', (t) => t.upload(undefined as never), 'data'],
    ['a state without tensors', (t) => t.setState({ step: 0, tensors: {} }), 'missing tensor'],
    ['no state', (t) => t.setState(null as never), 'state'],
    ['no flag', (t) => t.getState(undefined as never), 'optimizer'],
  ])('%s', async (_, act, words) => {
    const message = await refusal(() => act(trainer));
    expect(message).toContain(words);
    expect(message).not.toMatch(/frame #|\.cc:\d/);
    // It is as usable as before.
    expect(await trainer.predict(Int32Array.of(3), null)).toHaveLength(1);
  });

  test('of no rows nothing comes', async () => {
    expect(await trainer.predict(new Int32Array(), null)).toHaveLength(0);
    expect(await trainer.trainEpoch(new Int32Array(), 2)).toMatchObject({ steps: 0, examples: 0 });
  });

  test('training needs data and targets', async () => {
    const bare = new addon.Trainer(CONFIG);
    expect(await refusal(() => bare.trainEpoch(Int32Array.of(0), 1))).toMatch(/upload/);
    await bare.upload(data);
    expect(await refusal(() => bare.trainEpoch(Int32Array.of(0), 1))).toMatch(/target/);
    bare.dispose();
  });

  test('a state with a tensor of another shape is refused, and changes nothing', async () => {
    const before = await trainer.getState(true);
    const state = await trainer.getState(true);
    state.tensors['head.3.bias'] = { shape: [2], data: Float32Array.of(1, 2) };
    expect(await refusal(() => trainer.setState(state))).toMatch(/head\.3\.bias.*\[2\]/);
    expect(await trainer.getState(true)).toEqual(before);
  });

  test('a state goes out and in', async () => {
    await trainer.trainEpoch(Int32Array.of(0, 1, 2, 3), 2);
    const state = await trainer.getState(true);
    expect(state.step).toBe(2);
    const other = new addon.Trainer({ ...CONFIG, seed: 1 });
    await other.setState(state);
    expect(await other.getState(true)).toEqual(state);
    other.dispose();
  });

  test('a dispose during work ends it, and is final', async () => {
    const rows = Int32Array.from({ length: 200_000 }, (_, i) => i % 4);
    const epoch = trainer.trainEpoch(rows, 1);
    trainer.dispose();
    trainer.dispose();
    expect(await epoch).toMatchObject({ aborted: true });
    expect(trainer.disposed).toBe(true);
    expect(await refusal(() => trainer.predict(Int32Array.of(0), null))).toContain('dispose');
    expect(await refusal(() => trainer.memory)).toContain('dispose');
  });

  test('its memory is told', () => {
    // Parameters, gradients and two moments in float32 at least.
    expect(trainer.memory).toBeGreaterThan(4 * 4 * trainer.parameterCount);
  });

  test('a method without its object is a TypeError', () => {
    const dispose = Reflect.get<Trainer, 'dispose'>(addon.Trainer.prototype, 'dispose');
    expect(() => {
      Reflect.apply(dispose, {}, []);
    }).toThrow();
  });
});

test('an unknown device is refused by name', () => {
  for (const device of ['gpu', 'cuda:99', 'meta', '']) {
    expect(() => new addon.Trainer({ ...CONFIG, device })).toThrow(device);
  }
});

test('describe tells what was loaded', () => {
  const build = addon.describe();
  expect(build.builtFor).toMatch(/^2\.1[123]\.\d/);
  expect(build.threads).toBeGreaterThan(0);
  expect(build.cudaDevices).toBeGreaterThanOrEqual(0);
  expect(build.cpuCapability).not.toBe('');
});
