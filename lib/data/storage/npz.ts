import { fromRandomAccessReaderPromise, RandomAccessReader, type Entry, type ZipFile } from 'yauzl';

import { CmirError, messageOf } from '../../errors';
import type { StoredArray, TextArray } from './array';
import { BytesSlice, type Bytes } from './bytes';
import { InflatedBytes } from './inflate';
import { readNpy } from './npy';
import { newTextBudget } from './npy-text';

/** Far above any data set's. */
const MOST_MEMBERS = 10_000;
const EXTENSION = '.npy';
/** Ways of compressing (APPNOTE.TXT 4.4.5): those of numpy.savez and numpy.savez_compressed. */
const STORED = 0;
const DEFLATED = 8;

interface Member {
  readonly entry: Entry;
  /** For messages: file and member. */
  readonly where: string;
  /** Where its content begins, and where it ends. */
  readonly start: number;
  readonly end: number;
}

/**
 * The arrays of an NPZ file, a zip archive with an NPY file for each (numpy.savez, numpy.savez_compressed), by
 * name. Those that are stored are read where they lie, deflated ones are inflated when their values are asked for.
 * Throws ERR_CMIR_DATA, naming file and member, for whatever is not as it must be.
 */
export async function readNpz(bytes: Bytes): Promise<Map<string, StoredArray | TextArray>> {
  const members = await listMembers(bytes);
  const arrays = new Map<string, StoredArray | TextArray>();
  const budget = newTextBudget();
  for (const [name, { entry, where, start }] of members) {
    const stored = new BytesSlice(where, entry.compressedSize, bytes, start);
    if (entry.compressionMethod === STORED) {
      arrays.set(name, await readNpy(stored, budget));
    } else {
      const inflated = new InflatedBytes(where, entry.uncompressedSize, stored, entry.crc32);
      arrays.set(name, await readNpy(inflated, budget));
      inflated.release();
    }
  }
  return arrays;
}

/** The members by the names of their arrays. */
async function listMembers(bytes: Bytes): Promise<Map<string, Member>> {
  const members = new Map<string, Member>();
  const zip = await openZip(bytes);
  if (zip.entryCount > MOST_MEMBERS) {
    throw failure(bytes, `found ${String(zip.entryCount)} members, expected few`);
  }
  for await (const entry of entriesOf(zip, bytes)) {
    const name = arrayName(entry, bytes);
    const where = `${bytes.name}, ${entry.fileName}`;
    if (members.has(name)) throw new CmirError('ERR_CMIR_DATA', `${where}: found it twice`);
    const start = await dataStart(zip, entry, where);
    members.set(name, { entry, where, start, end: start + entry.compressedSize });
  }
  checkOverlap([...members.values()], bytes);
  return members;
}

function failure({ name }: Bytes, problem: string, cause?: unknown): CmirError {
  return new CmirError('ERR_CMIR_DATA', `${name}: not a readable NPZ file: ${problem}`, { cause });
}

async function openZip(bytes: Bytes): Promise<ZipFile> {
  try {
    return await fromRandomAccessReaderPromise(new BytesReader(bytes), bytes.size, {
      autoClose: false,
    });
  } catch (cause) {
    throw failure(bytes, messageOf(cause), cause);
  }
}

/** The members as the central directory lists them. */
async function* entriesOf(zip: ZipFile, bytes: Bytes): AsyncGenerator<Entry> {
  const entries = zip.eachEntry();
  for (;;) {
    let next: IteratorResult<Entry>;
    try {
      next = await entries.next();
    } catch (cause) {
      throw failure(bytes, messageOf(cause), cause);
    }
    if (next.done === true) return;
    yield next.value;
  }
}

/** The name of the array in a member. */
function arrayName(entry: Entry, bytes: Bytes): string {
  const { fileName, compressionMethod: method } = entry;
  const where = `${bytes.name}, ${fileName}`;
  if (fileName.endsWith('/data.pkl')) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: found a file of torch.save, which holds a program that PyTorch would run; ` +
        'save the tensors with safetensors.torch.save_file or numpy.savez',
    );
  }
  if (!fileName.endsWith(EXTENSION)) {
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: expected arrays only, each named <array>${EXTENSION}, as numpy.savez writes them`,
    );
  }
  if (entry.isEncrypted() || (method !== STORED && method !== DEFLATED)) {
    const how = entry.isEncrypted() ? 'encrypted' : `compressed by method ${String(method)}`;
    throw new CmirError(
      'ERR_CMIR_DATA',
      `${where}: it is ${how}, expected it stored or deflated, as numpy.savez does`,
    );
  }
  return fileName.slice(0, -EXTENSION.length);
}

/** Where a member's content begins, behind its own header, which must be its own. */
async function dataStart(zip: ZipFile, entry: Entry, where: string): Promise<number> {
  try {
    const { fileDataStart, fileName } = await zip.readLocalFileHeaderPromise(entry);
    if (!fileName.equals(entry.fileNameRaw)) throw new Error('it has the header of another member');
    return fileDataStart;
  } catch (cause) {
    throw new CmirError('ERR_CMIR_DATA', `${where}: ${messageOf(cause)}`, { cause });
  }
}

/** Members that share bytes are how small files claim to be large. */
function checkOverlap(members: Member[], bytes: Bytes): void {
  const begin = ({ entry }: Member): number => entry.relativeOffsetOfLocalHeader;
  members.sort((a, b) => begin(a) - begin(b));
  members.forEach((member, index) => {
    const before = members[index - 1];
    if (before !== undefined && begin(member) < before.end) {
      const names = [before.entry.fileName, member.entry.fileName];
      throw failure(bytes, `its members ${names.join(' and ')} overlap`);
    }
  });
}

/** What yauzl reads from. */
class BytesReader extends RandomAccessReader {
  readonly #bytes: Bytes;

  constructor(bytes: Bytes) {
    super();
    this.#bytes = bytes;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (!(position >= 0 && position + length <= this.#bytes.size)) {
      // Never at once: the caller may not have got its own promise yet.
      setImmediate(callback, new Error('it ends within its directory (truncated?)'));
      return;
    }
    this.#bytes.readInto(buffer.subarray(offset, offset + length), position).then(
      () => setImmediate(callback, null, length),
      (error: unknown) => setImmediate(callback, error as Error),
    );
  }
}
