import { assemble } from '../assemble';
import type { Part } from '../parts';
import { FileBytes, type Bytes } from '../storage/bytes';
import { readNpz } from '../storage/npz';
import type { Format } from './format';
import { partsByName } from './named-parts';

/** Zip archives begin with the header of their first member, or with that of the end. */
const HEADS = ['PK\x03\x04', 'PK\x05\x06'];

/** One NPZ file with arrays by name; see assemble() for what names mean. */
export const npz: Format = {
  name: 'npz',
  description: 'an NPZ file with arrays id, label, split and one a modality (numpy.savez)',
  detect: ({ head }) => HEADS.includes(head.toString('latin1', 0, 4)),
  async read({ path }, options) {
    await using bytes = await FileBytes.open(path, options.signal);
    return await assemble(path, await readNpzParts(bytes), options);
  },
};

/** The arrays of an NPZ file as parts; `bytes` must stay open until their values are read. */
export async function readNpzParts(bytes: Bytes): Promise<Part[]> {
  return partsByName(bytes.name, await readNpz(bytes));
}
