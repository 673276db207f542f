import { assemble } from '../assemble';
import type { Part } from '../parts';
import { FileBytes, type Bytes } from '../storage/bytes';
import { LARGEST_HEADER, LENGTH_BYTES, readSafetensors } from '../storage/safetensors';
import type { Format } from './format';
import { partsByName } from './named-parts';

/** One safetensors file with tensors by name, as other programs write it; see assemble() for what names mean. */
export const safetensors: Format = {
  name: 'safetensors',
  description: 'a safetensors file with tensors label and one a modality',
  detect: ({ head }) =>
    head.length > LENGTH_BYTES &&
    head.readBigUInt64LE() <= LARGEST_HEADER &&
    head.toString('latin1', LENGTH_BYTES, LENGTH_BYTES + 1) === '{',
  async read({ path }, options) {
    await using bytes = await FileBytes.open(path, options.signal);
    return await assemble(path, await readSafetensorsParts(bytes), options);
  },
};

/** The tensors of a safetensors file as parts; `bytes` must stay open until their values are read. */
export async function readSafetensorsParts(bytes: Bytes): Promise<Part[]> {
  const { tensors } = await readSafetensors(bytes);
  return partsByName(bytes.name, tensors);
}
