import { join } from 'node:path';

import type { Config } from '../config';
import { loadAddon } from '../native/load';
import { FILES, readModel } from './checkpoint';
import { Model, createTrainer } from './model';
import { decide } from './shape';

/**
 * The best model of a run folder, ready to predict on raw features.
 * Throws ERR_CMIR_CHECKPOINT when model.safetensors is missing, damaged or does not fit its own configuration.
 */
export async function loadModel(
  folder: string,
  options: { readonly device?: Config['device']; readonly threads?: number } = {},
): Promise<Model> {
  const { state, config: saved, shape } = await readModel(folder);
  // A model trained on a GPU is used where it is asked for, or wherever there is a device.
  const wanted = {
    ...saved,
    device: options.device ?? 'auto',
    threads: options.threads ?? saved.threads,
  };
  const config = decide(wanted, shape, loadAddon().describe().cudaDevices);
  const model = new Model(createTrainer(config, shape), config, shape);
  try {
    await model.restore(state, join(folder, FILES.model));
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
