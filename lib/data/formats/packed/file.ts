import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';

import type { ElementType } from '../../storage/array';
import { ELEMENT_BYTES, elementsOf } from '../../storage/array';

/** Names of safetensors' types that this form uses. */
const TYPE_NAMES = { float32: 'F32', float64: 'F64', int32: 'I32', uint8: 'U8' } as const;
type PackedType = keyof typeof TYPE_NAMES & ElementType;

interface Tensor {
  readonly name: string;
  readonly type: PackedType;
  shape: number[];
  /** Bytes written. */
  size: number;
}

/** Room for the header, which is only known at the end; it is padded with spaces, as the format allows. */
const LENGTH_BYTES = 8;
const ROOM = 4096;

/**
 * A safetensors file that is written as its data come: tensors one after another, each in as many pieces as there
 * are, the header at the end in the room kept for it. Metadata gain `sha256`, the hash of all tensors' bytes.
 */
export class GrowingFile {
  readonly #handle: FileHandle;
  readonly #tensors: Tensor[] = [];
  readonly #hash = createHash('sha256');
  readonly #room: number;
  #end: number;

  private constructor(handle: FileHandle, room: number) {
    this.#handle = handle;
    this.#room = room;
    this.#end = LENGTH_BYTES + room;
  }

  /** `metadata` are those that close() will be given, or longer ones: they decide how much room is kept. */
  static async create(
    path: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<GrowingFile> {
    const needed = Buffer.byteLength(JSON.stringify(metadata)) + ROOM;
    return new GrowingFile(await open(path, 'wx'), Math.ceil(needed / 64) * 64);
  }

  /** Begins a tensor, whose first axis is as long as what append() adds. Wider types must come first. */
  begin(name: string, type: PackedType, rowShape: readonly number[] = []): void {
    this.#tensors.push({ name, type, shape: [0, ...rowShape], size: 0 });
  }

  /** Adds rows to the tensor begun last. */
  async append(values: Float32Array | Float64Array | Int32Array | Uint8Array): Promise<void> {
    const tensor = this.#tensors.at(-1) as Tensor;
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length;) {
      const part = bytes.subarray(done, done + 2 ** 30);
      done += (await this.#handle.write(part, 0, part.length, this.#end + done)).bytesWritten;
    }
    this.#end += bytes.length;
    tensor.size += bytes.length;
    const row = elementsOf(tensor.shape.slice(1)) * ELEMENT_BYTES[tensor.type];
    tensor.shape[0] = row === 0 ? 0 : tensor.size / row;
  }

  /** Writes the header and flushes. */
  async close(metadata: Readonly<Record<string, string>>): Promise<void> {
    const header: Record<string, unknown> = {
      __metadata__: { ...metadata, sha256: this.#hash.digest('hex') },
    };
    let begin = 0;
    for (const { name, type, shape, size } of this.#tensors) {
      header[name] = { dtype: TYPE_NAMES[type], shape, data_offsets: [begin, begin + size] };
      begin += size;
    }
    const text = Buffer.from(JSON.stringify(header));
    if (text.length > this.#room) throw new Error('the header outgrew the room kept for it');
    const head = Buffer.alloc(LENGTH_BYTES + this.#room, ' ');
    head.writeBigUInt64LE(BigInt(this.#room));
    text.copy(head, LENGTH_BYTES);
    await this.#handle.write(head, 0, head.length, 0);
    await this.#handle.sync();
    await this.#handle.close();
  }

  /** Gives up: closes what is written so far. */
  async abandon(): Promise<void> {
    await this.#handle.close();
  }
}
