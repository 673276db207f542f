import { CmirError } from '../../errors';
import type { Bytes } from '../storage/bytes';
import { readBytes } from '../storage/bytes';

const TENSORS =
  'in Python, save numpy arrays instead: tensor.numpy() for each, then pickle.dump(data, file, protocol=4)';
const JOBLIB = 'in Python: pickle.dump(joblib.load(path), file, protocol=4)';

/** What files that are passed around as pickles begin with, what they are and what to do. */
const OTHERS: readonly (readonly [head: string, found: string, advice: string])[] = [
  ['PK\x03\x04', 'a zip archive, as torch.save writes', TENSORS],
  // The number that torch.save began its files with before it wrote archives.
  ['\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.', 'a file of torch.save', TENSORS],
  ['\x78\x01', 'zlib data, as joblib.dump writes', JOBLIB],
  ['\x78\x5e', 'zlib data, as joblib.dump writes', JOBLIB],
  ['\x78\x9c', 'zlib data, as joblib.dump writes', JOBLIB],
  ['\x78\xda', 'zlib data, as joblib.dump writes', JOBLIB],
  ['\x1f\x8b', 'gzip data', 'gunzip it first, or ' + JOBLIB],
  ['BZh', 'bzip2 data', 'bunzip2 it first, or ' + JOBLIB],
  ['\xfd7zXZ', 'xz data', 'unxz it first, or ' + JOBLIB],
  ['\x89HDF', 'an HDF5 file', 'in Python, save its arrays with numpy.savez'],
];

/** What a file that is no pickle but often taken for one looks like, with advice; null for all others. */
export function describeOther(head: Uint8Array): string | null {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString('latin1');
  const other = OTHERS.find(([start]) => text.startsWith(start));
  return other === undefined ? null : `found ${other[1]}, expected a pickle; ${other[2]}`;
}

/** Throws ERR_CMIR_DATA, with advice, for what is no pickle but often taken for one. */
export async function refuseOthers(bytes: Bytes): Promise<void> {
  const problem = describeOther(await readBytes(bytes, 0, Math.min(16, bytes.size)));
  if (problem !== null) throw new CmirError('ERR_CMIR_DATA', `${bytes.name}: ${problem}`);
}

export const TORCH_ADVICE = `expected no torch tensors; ${TENSORS}`;

/** Why a name is refused, and what to do. */
export function refuseGlobal(module: string, name: string): string {
  const library = module.split('.')[0];
  const found = `found ${cut(module)}.${cut(name)}, but cmir never runs code from a pickle`;
  switch (library) {
    case 'torch':
      return `${found}, ${TORCH_ADVICE}`;
    case 'joblib':
      return `${found}, expected no file of joblib.dump; ${JOBLIB}`;
    case 'pandas':
      return `${found}, expected no pandas objects; in Python, save frame.to_numpy() and lists instead`;
    default:
      return `${found}, expected only numpy arrays, text, numbers, lists, tuples, sets and dicts`;
  }
}

function cut(name: string): string {
  const line = name.replace(/[^\x20-\x7e]/g, '?');
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}
