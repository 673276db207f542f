import { join } from 'node:path';

import { exportModel } from '../../lib/export';
import type { Model } from '../../lib/training/model';
import type { ModalityShape } from '../../lib/training/shape';
import { findOnnxRuntime, type OnnxRuntime, type Tensors } from '../helpers/onnx';
import { removeFresh } from '../training/fixture';
import { CASES, TOLERANCE, batchOf, difference, lengthsOf, spread, trained } from './fixture';

afterAll(removeFresh);

const runtime = findOnnxRuntime();
const describeWithRuntime = runtime === undefined ? describe.skip : describe;

const SIZES: readonly (readonly [number, number])[] = [
  [7, 5],
  [1, 7],
  [23, 1],
  [3, 0],
  [0, 5],
  [0, 0],
];

const floats = (outputs: Tensors, name: string): Float32Array => {
  const { data } = outputs[name] ?? {};
  if (data === undefined) throw new Error(`no output ${name} in ${Object.keys(outputs).join()}`);
  return data as Float32Array;
};

describeWithRuntime('ONNX files, run by onnxruntime-node', () => {
  const run = (model: string, feeds: readonly Tensors[]): Tensors[] =>
    (runtime as OnnxRuntime).run(model, feeds);

  describe.each(Object.entries(CASES))('%s', (_, settings) => {
    let model: Model;
    let file: string;

    beforeAll(async () => {
      const { folder, ...rest } = await trained(settings);
      model = rest.model;
      ({ out: file } = await exportModel(folder, { format: 'onnx' }));
      expect(file).toBe(join(folder, 'model.onnx'));
    });

    afterAll(() => {
      model.dispose();
    });

    test('predictions and codes are those of the model', async () => {
      const { task, outputs: width, modalities } = model.shape;
      const batches = SIZES.map(([size, frames]) => batchOf(model, size, frames));
      const found = run(
        file,
        batches.map(({ feeds }) => feeds),
      );
      for (const [i, { arrays }] of batches.entries()) {
        const outputs = found[i] as Tensors;
        const size = SIZES[i]?.[0] as number;
        const name = modalities.some((modality) => modality.name === 'prediction')
          ? 'prediction_2'
          : 'prediction';
        const main = task === 'regression' ? name : 'logits';
        expect(outputs[main]?.dims).toEqual(task === 'regression' ? [size] : [size, width]);
        if (size === 0) continue;
        const expected = await model.predict(arrays);
        expect(difference(floats(outputs, main), expected.outputs)).toBeLessThan(TOLERANCE);
        if (size > 5) expect(spread(expected.outputs)).toBeGreaterThan(0.1);
        if (expected.probabilities !== undefined) {
          const probabilities = floats(outputs, 'probabilities');
          expect(difference(probabilities, expected.probabilities)).toBeLessThan(TOLERANCE);
        }
        for (const [modality, { invariant }] of Object.entries(await model.encode(arrays))) {
          const codes = floats(outputs, `${modality}_invariant`);
          expect(difference(codes, invariant)).toBeLessThan(TOLERANCE);
        }
      }
    });

    if (settings.data?.sequence === undefined) return;

    test('lengths say how many frames count', () => {
      const alone = batchOf(model, 1, 3).feeds;
      const { modalities } = model.shape;
      const { name } = modalities.find(({ sequence }) => sequence) as ModalityShape;
      const lengths = lengthsOf(modalities, name);
      // A length beyond the frames counts all of them.
      const longer = { ...alone, [lengths]: { dims: [1], data: BigInt64Array.of(99n) } };
      const [a, b] = run(file, [alone, longer]);
      expect(a).toEqual(b);
      const shorter = { ...alone, [lengths]: { dims: [1], data: BigInt64Array.of(1n) } };
      expect(run(file, [shorter])[0]).not.toEqual(a);
    });
  });
});
