import type { Config } from '../config';
import { CmirError, messageOf } from '../errors';
import { loadAddon } from '../native/load';
import { readModel } from './checkpoint';
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
  const trainer = createTrainer(config, shape);
  try {
    await trainer.setState(state);
  } catch (cause) {
    trainer.dispose();
    throw new CmirError(
      'ERR_CMIR_CHECKPOINT',
      `${folder}: the model does not fit: ${messageOf(cause)}`,
      { cause },
    );
  }
  return new Model(trainer, config, shape);
}
