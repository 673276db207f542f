import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { exportModel } from '../../lib/export';
import type { Model } from '../../lib/training/model';
import { encodeTensors } from '../../lib/training/safetensors';
import type { NativeTensor } from '../../binding';
import type { Tensors } from '../helpers/onnx';
import { findPython, type Python } from '../helpers/python';
import { removeFresh } from '../training/fixture';
import {
  CASES,
  TOLERANCE,
  batchOf,
  difference,
  lengthsOf,
  spread,
  trained,
  type Batch,
} from './fixture';

afterAll(removeFresh);

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

interface Printed {
  readonly task: string;
  readonly label: string;
  readonly classes: readonly string[] | null;
  readonly outputs: readonly number[];
  readonly compiled: readonly number[];
  readonly predictions: readonly number[];
  readonly invariant: Readonly<Record<string, readonly number[]>>;
  readonly empty: readonly number[];
}

/** Puts a batch where test/python/exported.py looks for it. */
function writeInputs({ shape }: Model, feeds: Tensors, folder: string): void {
  const tensors: Record<string, NativeTensor> = {};
  const take = (feed: string): NativeTensor => {
    const { dims = [], data = [] } = feeds[feed] ?? {};
    return { shape: [...dims], data: Float32Array.from(data, Number) };
  };
  for (const { name, sequence } of shape.modalities) {
    tensors[name] = take(name);
    if (sequence) tensors[`${name}.lengths`] = take(lengthsOf(shape.modalities, name));
  }
  writeFileSync(join(folder, 'inputs.safetensors'), encodeTensors({ tensors, metadata: {} }));
}

describeWithPython('model.py and model.safetensors, run by Python', () => {
  const names = Object.keys(CASES);
  const runs = new Map<string, { model: Model; batch: Batch; printed: Printed }>();

  beforeAll(async () => {
    const folders: string[] = [];
    const made = [];
    for (const settings of Object.values(CASES)) {
      const { model, folder } = await trained(settings);
      const { out } = await exportModel(folder, { format: 'pytorch' });
      expect(readdirSync(out).sort()).toEqual(['model.py', 'model.safetensors']);
      const batch = batchOf(model, 9, 5);
      writeInputs(model, batch.feeds, folder);
      folders.push(out);
      made.push({ model, batch });
    }
    const program = join('test', 'python', 'exported.py');
    const printed = JSON.parse((python as Python).run([program, ...folders])) as Printed[];
    made.forEach((one, i) =>
      runs.set(names[i] as string, { ...one, printed: printed[i] as Printed }),
    );
  });

  afterAll(() => {
    for (const { model } of runs.values()) model.dispose();
  });

  test.each(names)('%s', async (name) => {
    const { model, batch, printed } = runs.get(name) as {
      model: Model;
      batch: Batch;
      printed: Printed;
    };
    const { task, label, classes, outputs: width } = model.shape;
    const expected = await model.predict(batch.arrays);
    expect(spread(expected.outputs)).toBeGreaterThan(0.1);
    expect(difference(printed.outputs, expected.outputs)).toBeLessThan(TOLERANCE);
    expect(difference(printed.compiled, expected.outputs)).toBeLessThan(TOLERANCE);
    const predictions = expected.probabilities ?? expected.predictions;
    expect(difference(printed.predictions, predictions)).toBeLessThan(TOLERANCE);
    for (const [modality, { invariant }] of Object.entries(await model.encode(batch.arrays))) {
      expect(difference(printed.invariant[modality] ?? [], invariant)).toBeLessThan(TOLERANCE);
    }
    expect(printed).toMatchObject({ task, label, classes, empty: [0, width] });
  });
});
