import type { Checkpoint } from '../../training/checkpoint';
import { FORMAT } from '../../training/checkpoint';
import { VERSION } from '../../version';
import { Weights } from '../weights';
import { encodeModel } from './format';
import { inferenceOf } from './graph';

/** The ONNX file of a model. Throws ERR_CMIR_CHECKPOINT, naming `source`, for tensors that do not fit. */
export function onnxFile({ state, config, shape }: Checkpoint, source: string): Buffer {
  const { graph, modalities, outputs } = inferenceOf(
    config,
    shape,
    new Weights(state.tensors, source),
  );
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
