import { FORMAT, type Checkpoint } from '../../training/checkpoint';
import { VERSION } from '../../version';
import type { Weights } from '../weights';
import { encodeModel } from './format';
import { inferenceOf } from './graph';

/** The ONNX file of a model. */
export function onnxFile({ config, shape }: Checkpoint, weights: Weights): Buffer {
  const { graph, modalities, outputs } = inferenceOf(config, shape, weights);
  return encodeModel(graph, VERSION, {
    cmir_version: VERSION,
    cmir_format: FORMAT,
    task: shape.task,
    label: shape.label,
    classes: JSON.stringify(shape.classes),
    modalities: JSON.stringify(modalities),
    outputs: JSON.stringify(outputs),
  });
}
