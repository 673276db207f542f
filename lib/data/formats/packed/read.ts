import { CmirError } from '../../../errors';
import type { LazyTexts, Modality } from '../../dataset';
import { SPLIT_NAMES } from '../../splits';
import { describeShape, type ElementType, type StoredArray } from '../../storage/array';
import { FileBytes } from '../../storage/bytes';
import { readSafetensors, type TensorTable } from '../../storage/safetensors';
import { fileModality } from '../../values';
import { lazyTexts } from './columns';
import { VERSION, type PackedKind } from './names';

/** A column of the table of labels: numbers, or texts that are decoded when they are asked for. */
export type PackedColumn = Float64Array | LazyTexts;

export interface PackedLabels {
  readonly ids: LazyTexts;
  readonly splits: ReadonlyMap<string, Int32Array>;
  readonly columns: ReadonlyMap<string, PackedColumn>;
  /** SHA-256 of the ids, which the modalities' files name too. */
  readonly idsHash: string;
}

/** Reads labels.safetensors. Throws ERR_CMIR_DATA, naming it, when it is damaged or not one of ours. */
export async function readPackedLabels(file: string): Promise<PackedLabels> {
  await using bytes = await FileBytes.open(file);
  const packed = new PackedFile(file, 'labels', await readSafetensors(bytes));
  const ids = await packed.texts('ids', null);
  const columns = new Map<string, PackedColumn>();
  for (const column of packed.list('columns')) {
    const { name, kind } = Object(column) as Record<string, unknown>;
    if (typeof name !== 'string') throw packed.error('its list of columns is damaged');
    const place = `columns.${name}`;
    columns.set(
      name,
      kind === 'numbers'
        ? await packed.tensor(place, 'float64', [ids.length]).float64()
        : await packed.texts(place, ids.length),
    );
  }
  const codes = await packed.tensor('splits', 'uint8', [ids.length]).bytes();
  return { ids, columns, splits: packed.splits(codes), idsHash: packed.text('ids_sha256') };
}

/**
 * Opens <modality>.safetensors; its features stay in the file. Throws ERR_CMIR_DATA, naming it, when it is damaged
 * or belongs to other labels: `idsHash` null takes any, `examples` long.
 */
export async function readPackedModality(
  file: string,
  name: string,
  examples: number,
  idsHash: string | null,
): Promise<Modality> {
  await using bytes = await FileBytes.open(file);
  const packed = new PackedFile(file, 'modality', await readSafetensors(bytes));
  if (idsHash !== null && packed.text('ids_sha256') !== idsHash) {
    throw packed.error(
      'it was written with other ids than labels.safetensors; convert the data set again',
    );
  }
  const features = packed.tensor('features', 'float32', [null, null]);
  const [rows = 0, width = 0] = features.shape;
  const offsets = packed.has('lengths')
    ? offsetsOf(packed, await packed.tensor('lengths', 'int32', [examples]).float64(), rows)
    : undefined;
  if (offsets === undefined && rows !== examples) {
    throw packed.error(
      `found ${String(rows)} examples, expected ${String(examples)} as in the labels`,
    );
  }
  const columns = packed.has('columns') ? packed.list('columns').map(String) : undefined;
  return fileModality(
    {
      name,
      features: width,
      ...(offsets && { offsets }),
      ...(columns && { columns }),
      ...(packed.hasText('nan_is_missing') && { nanIsMissing: true }),
    },
    {
      path: file,
      offset: features.plainOffset ?? 0,
      length: features.size,
      sha256: packed.text('sha256'),
    },
  );
}

function offsetsOf(packed: PackedFile, lengths: Float64Array, rows: number): Float64Array {
  const offsets = new Float64Array(lengths.length + 1);
  lengths.forEach((length, i) => {
    if (length < 0) throw packed.error(`found length ${String(length)} of example ${String(i)}`);
    offsets[i + 1] = (offsets[i] as number) + length;
  });
  if (offsets.at(-1) === rows) return offsets;
  throw packed.error(
    `found lengths of ${String(offsets.at(-1))} frames together, expected ${String(rows)}`,
  );
}

/** One file of this form, with errors that name it. */
class PackedFile {
  readonly #file: string;
  readonly #content: TensorTable;

  constructor(file: string, kind: PackedKind, content: TensorTable) {
    this.#file = file;
    this.#content = content;
    const { cmir_data: version, kind: found } = content.metadata;
    if (version !== VERSION || found !== kind) {
      throw this.error(
        `found ${found ?? 'no kind'} of version ${version ?? 'none'}, expected ${kind} of version ${VERSION}, ` +
          'as cmir data convert writes it',
      );
    }
  }

  error(problem: string): CmirError {
    return new CmirError('ERR_CMIR_DATA', `${this.#file}: ${problem}`);
  }

  has(name: string): boolean {
    return this.#content.tensors.has(name) || this.hasText(name);
  }

  hasText(key: string): boolean {
    return this.#content.metadata[key] !== undefined;
  }

  text(key: string): string {
    const value = this.#content.metadata[key];
    if (value === undefined) throw this.error(`its metadata lack '${key}'`);
    return value;
  }

  list(key: string): unknown[] {
    try {
      const value: unknown = JSON.parse(this.text(key));
      if (Array.isArray(value)) return value;
    } catch {
      // Told below.
    }
    throw this.error(`its '${key}' are not a list`);
  }

  /** The tensor of that name; null in the shape stands for any length. */
  tensor(name: string, type: ElementType, shape: readonly (number | null)[]): StoredArray {
    const tensor = this.#content.tensors.get(name);
    const fits =
      tensor?.type === type &&
      tensor.shape.length === shape.length &&
      shape.every((length, axis) => length === null || length === tensor.shape[axis]);
    if (fits) return tensor;
    const found = tensor === undefined ? 'nothing' : describeShape(tensor);
    const expected = shape.map((length) => length ?? 'n').join(', ');
    throw this.error(`found ${found} for '${name}', expected ${type} [${expected}]`);
  }

  async texts(name: string, count: number | null): Promise<LazyTexts> {
    // A copy: what was read need not be aligned.
    const copy = new Uint8Array(await this.tensor(`${name}.lengths`, 'int32', [count]).bytes());
    const lengths = new Int32Array(copy.buffer);
    const tensor = this.tensor(name, 'uint8', [null]);
    let [total, least] = [0, 0];
    for (const length of lengths) {
      total += length;
      least = Math.min(least, length);
    }
    if (total !== tensor.size || least < 0) {
      throw this.error(`the lengths of '${name}' do not agree with its bytes`);
    }
    return lazyTexts({ bytes: await tensor.bytes(), lengths });
  }

  splits(codes: Uint8Array): Map<string, Int32Array> {
    const names = this.list('splits');
    const counts = new Float64Array(256);
    for (const code of codes) counts[code] = (counts[code] as number) + 1;
    const unknown = names.find((name) => !SPLIT_NAMES.includes(name as 'train'));
    if (unknown !== undefined || counts.subarray(names.length, 255).some((count) => count > 0)) {
      throw this.error(`its splits are damaged; known are ${SPLIT_NAMES.join(', ')}`);
    }
    const rows = names.map((_, code) => new Int32Array(counts[code] as number));
    const filled = new Float64Array(names.length);
    for (let row = 0; row < codes.length; row += 1) {
      const code = codes[row] as number;
      const group = rows[code];
      if (group === undefined) continue;
      group[filled[code] as number] = row;
      filled[code] = (filled[code] as number) + 1;
    }
    const inOrder = SPLIT_NAMES.filter((name) => names.includes(name));
    return new Map(inOrder.map((name) => [name, rows[names.indexOf(name)] as Int32Array]));
  }
}
