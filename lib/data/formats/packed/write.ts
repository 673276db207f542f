import { createHash, type Hash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import * as path from 'node:path';

import type { Dataset, Modality } from '../../dataset';
import { labelCells } from '../../label';
import { numbersOf } from '../../numbers';
import { rowRange, visitRows } from '../../values';
import { packTexts } from './columns';
import { GrowingFile } from './file';
import { LABELS_FILE, metadataOf, modalityFile } from './names';

/**
 * Writes data sets that come in blocks of examples, each with the same modalities and columns, into `folder`,
 * which must not be there: labels.safetensors and one <modality>.safetensors each. Features are passed on as they
 * come, so memory holds one block and the columns.
 */
export async function writePacked(
  folder: string,
  blocks: Iterable<Dataset> | AsyncIterable<Dataset>,
): Promise<void> {
  await mkdir(folder);
  const files = new Map<string, ModalityFile>();
  const labels = new LabelsFile();
  try {
    for await (const block of blocks) {
      labels.add(block);
      for (const modality of block.modalities) {
        let file = files.get(modality.name);
        if (file === undefined) {
          file = await ModalityFile.create(folder, modality);
          files.set(modality.name, file);
        }
        await file.add(modality);
      }
    }
    const idsHash = labels.idsHash();
    for (const file of files.values()) await file.close(idsHash);
    await labels.write(folder, idsHash);
  } catch (error) {
    for (const file of files.values()) await file.abandon();
    throw error;
  }
}

class ModalityFile {
  readonly #file: GrowingFile;
  readonly #lengths: number[] = [];
  readonly #isSequence: boolean;
  #nanIsMissing = false;
  readonly #columns: readonly string[] | undefined;

  private constructor(file: GrowingFile, { offsets, columns, features }: Modality) {
    this.#file = file;
    this.#isSequence = offsets !== undefined;
    this.#columns = columns;
    file.begin('features', 'float32', [features]);
  }

  static async create(folder: string, modality: Modality): Promise<ModalityFile> {
    const longest = metadataOf('modality', '0'.repeat(64), {
      nan_is_missing: 'true',
      ...(modality.columns && { columns: JSON.stringify(modality.columns) }),
    });
    const file = await GrowingFile.create(path.join(folder, modalityFile(modality.name)), longest);
    return new ModalityFile(file, modality);
  }

  async add(modality: Modality): Promise<void> {
    this.#nanIsMissing ||= modality.nanIsMissing ?? false;
    await visitRows(modality, (chunk) => this.#file.append(chunk));
    if (modality.offsets === undefined) return;
    for (let example = 0; example < modality.offsets.length - 1; example += 1) {
      const [begin, end] = rowRange(modality, example);
      this.#lengths.push(end - begin);
    }
  }

  async close(idsHash: string): Promise<void> {
    if (this.#isSequence) {
      this.#file.begin('lengths', 'int32');
      await this.#file.append(Int32Array.from(this.#lengths));
    }
    await this.#file.close(
      metadataOf('modality', idsHash, {
        ...(this.#nanIsMissing && { nan_is_missing: 'true' }),
        ...(this.#columns && { columns: JSON.stringify(this.#columns) }),
      }),
    );
  }

  async abandon(): Promise<void> {
    await this.#file.abandon();
  }
}

/** Columns of all blocks, written at the end. */
class LabelsFile {
  readonly #ids: string[] = [];
  readonly #splitNames: string[] = [];
  readonly #splits: number[] = [];
  readonly #columns = new Map<string, string[]>();
  readonly #hash: Hash = createHash('sha256');

  add(block: Dataset): void {
    for (const id of block.ids) {
      this.#ids.push(id);
      this.#hash.update(`${id}\n`);
    }
    // 255 marks an example without a split.
    const codes = new Array<number>(block.size).fill(255);
    for (const [name, rows] of block.splits) {
      if (!this.#splitNames.includes(name)) this.#splitNames.push(name);
      const code = this.#splitNames.indexOf(name);
      for (const row of rows) codes[row] = code;
    }
    for (const code of codes) this.#splits.push(code);
    const columns = { ...labelCells(block.label), ...block.metadata };
    for (const [name, cells] of Object.entries(columns)) {
      const all = this.#columns.get(name) ?? [];
      for (const cell of cells) all.push(cell);
      this.#columns.set(name, all);
    }
  }

  idsHash(): string {
    return this.#hash.digest('hex');
  }

  async write(folder: string, idsHash: string): Promise<void> {
    const columns = [...this.#columns].map(([name, cells]) => ({
      name,
      numbers: numbersOf(cells),
      cells,
    }));
    const metadata = metadataOf('labels', idsHash, {
      splits: JSON.stringify(this.#splitNames),
      columns: JSON.stringify(
        columns.map(({ name, numbers }) => ({
          name,
          kind: numbers === null ? 'texts' : 'numbers',
        })),
      ),
    });
    const tensors = 2 + 2 * columns.length;
    const file = await GrowingFile.create(path.join(folder, LABELS_FILE), {
      ...metadata,
      // A tensor's entry is its name and some 120 characters.
      room: ' '.repeat(tensors * 160 + columns.reduce((sum, { name }) => sum + 4 * name.length, 0)),
    });
    try {
      await this.#writeTensors(file, columns);
      await file.close(metadata);
    } catch (error) {
      await file.abandon();
      throw error;
    }
  }

  /** Wider types first. */
  async #writeTensors(
    file: GrowingFile,
    columns: { name: string; numbers: Float64Array | null; cells: string[] }[],
  ): Promise<void> {
    for (const { name, numbers } of columns) {
      if (numbers === null) continue;
      file.begin(`columns.${name}`, 'float64');
      await file.append(numbers);
    }
    const texts = columns
      .filter(({ numbers }) => numbers === null)
      .map(({ name, cells }) => ({ name: `columns.${name}`, ...packTexts(cells) }));
    texts.push({ name: 'ids', ...packTexts(this.#ids) });
    for (const { name, lengths } of texts) {
      file.begin(`${name}.lengths`, 'int32');
      await file.append(lengths);
    }
    for (const { name, bytes } of texts) {
      file.begin(name, 'uint8');
      await file.append(bytes);
    }
    file.begin('splits', 'uint8');
    await file.append(Uint8Array.from(this.#splits));
  }
}
