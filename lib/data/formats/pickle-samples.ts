import type { Field } from '../parts';
import { describeValue, type PickleValue } from '../pickle';
import { StoredArray } from '../storage/array';
import { FieldReader, isNumeric, isText, itemsOf } from './pickle-fields';

/** Lists of examples as MAG, ITHP and MIB (words first) and MISA and CLUE (word ids first, words last) keep them. */
export const SAMPLES =
  '((words, visual, acoustic), label, segment) or ((word_ids, visual, acoustic, words), label, segment)';

/** Whether a value looks like a list of such examples. */
export function areSamples(value: PickleValue): boolean {
  const features = itemsOf(itemsOf(itemsOf(value)?.[0])?.[0]);
  return features !== null && (features.length === 3 || features.length === 4);
}

export interface Samples {
  readonly fields: Map<string, Field>;
  /** What the files call segments; null where they have none. */
  readonly segments: readonly string[] | null;
}

interface Columns {
  readonly first: PickleValue[];
  readonly visual: PickleValue[];
  readonly acoustic: PickleValue[];
  readonly words: PickleValue[];
  readonly labels: PickleValue[];
  readonly segments: PickleValue[];
}

/** Throws ERR_CMIR_DATA that names the example for what does not look like the others. */
export async function readSamples(
  reader: FieldReader,
  path: string,
  samples: readonly PickleValue[],
  notes: Set<string>,
): Promise<Samples> {
  const columns = columnsOf(reader, path, samples);
  const fields = new Map<string, Field>();
  const frames = async (name: string, items: readonly PickleValue[]): Promise<void> => {
    const field = await reader.frames(items);
    if ('found' in field) {
      reader.fail(`${path}, ${name}`, field.found, 'arrays of frames, [n, features] each');
    }
    fields.set(name, field);
  };

  const words = columns.words.length > 0 ? columns.words : columns.first;
  const texts = await wordsOf(reader, words);
  if (texts !== null) {
    fields.set('raw_text', { kind: 'texts', shape: [texts.length], values: texts });
  }
  if (words !== columns.first || texts === null) {
    const [row] = columns.first as [PickleValue];
    const first = await reader.row(row);
    if (first instanceof StoredArray && first.shape.length === 2) {
      await frames('text', columns.first);
    } else {
      notes.add(
        'word ids are left out: they need the embedding table they were made with ' +
          '(embedding_and_mapping.pt), a torch file, which cmir does not read',
      );
    }
  } else {
    notes.add(
      'there is no text modality: words are kept as the column raw_text, and need a language model first',
    );
  }
  await frames('vision', columns.visual);
  await frames('audio', columns.acoustic);
  const label = await reader.rows(columns.labels);
  if ('found' in label || label.kind === 'frames') {
    reader.fail(
      `${path}, label`,
      'found' in label ? label.found : 'arrays of several shapes',
      'one number, or equally many, an example',
    );
  }
  fields.set('label', label);
  return { fields, segments: await segmentsOf(reader, columns.segments) };
}

function columnsOf(reader: FieldReader, path: string, samples: readonly PickleValue[]): Columns {
  const columns: Columns = {
    first: [],
    visual: [],
    acoustic: [],
    words: [],
    labels: [],
    segments: [],
  };
  let [width, inner] = [0, 0];
  samples.forEach((sample, i) => {
    const items = itemsOf(sample) ?? [];
    const features = itemsOf(items[0]) ?? [];
    if (i === 0) [width, inner] = [items.length, features.length];
    const fits = items.length === width && features.length === inner;
    if (!fits || ![2, 3].includes(width) || ![3, 4].includes(inner)) {
      reader.fail(`${path}[${String(i)}]`, describeValue(sample), SAMPLES);
    }
    columns.first.push(features[0] as PickleValue);
    columns.visual.push(features[1] as PickleValue);
    columns.acoustic.push(features[2] as PickleValue);
    if (inner === 4) columns.words.push(features[3] as PickleValue);
    columns.labels.push(items[1] as PickleValue);
    if (width === 3) columns.segments.push(items[2] as PickleValue);
  });
  return columns;
}

/** Words of each example, joined; null where they are not words. */
async function wordsOf(
  reader: FieldReader,
  items: readonly PickleValue[],
): Promise<string[] | null> {
  const texts: string[] = [];
  for (const item of items) {
    if (item !== null && isText(item)) {
      texts.push(await reader.text(item));
      continue;
    }
    const row = await reader.row(item);
    if (row === null || (row instanceof StoredArray && row.size > 0)) return null;
    texts.push(row instanceof StoredArray ? '' : row.join(' '));
  }
  return texts;
}

async function segmentsOf(
  reader: FieldReader,
  items: readonly PickleValue[],
): Promise<string[] | null> {
  const texts: string[] = [];
  for (const item of items) {
    if (isText(item)) texts.push(await reader.text(item));
    else if (isNumeric(item)) texts.push(String(item));
    else texts.push((await wordsOf(reader, [item]))?.[0] ?? '');
  }
  return texts.length === 0 ? null : texts;
}
