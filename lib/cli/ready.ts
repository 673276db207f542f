import { CmirError } from '../errors';
import { loadAddon } from '../native/load';
import { setup } from '../native/setup';
import { setupView } from './setup-view';

/** Makes sure that the engine loads: the first command on a new machine fetches and builds what is missing. */
export async function makeReady(quiet: boolean): Promise<void> {
  try {
    loadAddon();
  } catch (error) {
    const mendable =
      error instanceof CmirError &&
      ['ERR_CMIR_NOT_BUILT', 'ERR_CMIR_LIBTORCH'].includes(error.code);
    if (!mendable) throw error;
    if (!quiet) console.error(`cmir: first use: ${error.message.split(';')[0] ?? ''}; setting up`);
    await setup(setupView(quiet));
    loadAddon();
  }
}
