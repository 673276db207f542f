import * as path from 'node:path';

import { CmirError } from '../../errors';
import { assemble } from '../assemble';
import type { Field, Part } from '../parts';
import {
  describeOther,
  describeValue,
  PickleArray,
  PickleDict,
  readPickle,
  type PickleValue,
} from '../pickle';
import { canonicalSplit } from '../splits';
import { FileBytes, type Bytes } from '../storage/bytes';
import type { Format } from './format';
import { FieldReader, itemsOf } from './pickle-fields';
import { areSamples, readSamples, SAMPLES, type Samples } from './pickle-samples';

/** A file of a split: train.pkl, dev.pkl, test_OOD.p. */
const SPLIT_FILE = /^(train|valid|val|dev|test\w*)\.(?:pkl|pickle|p)$/i;
/** How protocols 0 and 1 begin a dict, a list, and what is made by name; X and U are the only key without a mark. */
const OLD_HEAD = /^(?:\([dl]|[}\]][(.qrXU]|c[\w.]+\n\w+\n)/;
/** Names that must hold what they say; others may be left out. */
const NEEDED =
  /^(?:text|audio|vision|visual|acoustic|raw_text|ids?|labels?|.+_labels(?:_[TAV])?|.+_lengths?)$/;
const FIELDS = 'an array, or a list of numbers, texts or equally wide rows, one an example';

/** Pickles of the field: MMSA, MultiBench, and lists of examples as MAG, ITHP, MIB, MISA and CLUE keep them. */
export const pickle: Format = {
  name: 'pickle',
  description:
    'a pickle of {split: {name: array}} or {split: [((words, visual, acoustic), label, segment)]}, ' +
    'or a folder with such lists in train.pkl, dev.pkl and test.pkl',
  detect({ entries, head }) {
    if (entries !== null) {
      const hasLabels = entries.some((name) => name.startsWith('labels.'));
      return !hasLabels && entries.some((name) => splitOf(name) === 'train');
    }
    const [first = 0, protocol = 0] = head;
    const isNew = first === 0x80 && protocol >= 2 && protocol <= 5;
    return isNew || OLD_HEAD.test(head.toString('latin1')) || describeOther(head) !== null;
  },
  async read({ path: source, entries }, options) {
    const files = entries === null ? [source] : splitFiles(source, entries);
    const opened: FileBytes[] = [];
    try {
      for (const file of files) opened.push(await FileBytes.open(file, options.signal));
      const { parts, notes } = await readPickleParts(...opened);
      return await assemble(source, parts, options, { notes, zeroInfinity: true });
    } finally {
      for (const bytes of opened) await bytes.close();
    }
  },
};

/** The files of a folder, one a split. Throws ERR_CMIR_DATA for two of one. */
function splitFiles(folder: string, entries: readonly string[]): string[] {
  const files = new Map<string, string>();
  for (const entry of entries) {
    const name = splitOf(entry);
    if (name === null) continue;
    const split = canonicalSplit(name) ?? name;
    const other = files.get(split);
    if (other !== undefined) {
      throw new CmirError(
        'ERR_CMIR_DATA',
        `${folder}: found ${other} and ${entry}, expected one file a split`,
      );
    }
    files.set(split, entry);
  }
  return [...files.values()].map((entry) => path.join(folder, entry));
}

/** The split that a file is named for; null for another name. */
function splitOf(file: string): string | null {
  return SPLIT_FILE.exec(path.basename(file))?.[1] ?? null;
}

/**
 * What pickles hold, a part a split; the files stay open as long as the parts are used. A file without splits is
 * the split that it is named for. Throws ERR_CMIR_DATA that names file and place.
 */
export async function readPickleParts(
  ...files: readonly Bytes[]
): Promise<{ parts: Part[]; notes: string[] }> {
  const found: Found[] = [];
  const notes = new Set<string>();
  for (const bytes of files) found.push(...(await partsOf(bytes, notes)));

  const segments = found.flatMap((part) => part.segments ?? []);
  const areIds = new Set(segments).size === segments.length && !segments.includes('');
  const parts = found.map(({ split, fields, segments: own }) => {
    if (own !== null) {
      fields.set(areIds ? 'id' : 'segment', { kind: 'texts', shape: [own.length], values: own });
    }
    return { split, fields };
  });
  return { parts, notes: [...notes] };
}

interface Found extends Samples {
  readonly split: string | null;
}

async function partsOf(bytes: Bytes, notes: Set<string>): Promise<Found[]> {
  const value = await readPickle(bytes);
  const reader = new FieldReader(bytes);
  const named = splitOf(bytes.name);
  if (areSamples(value)) {
    const samples = await readSamples(reader, named ?? 'list', itemsOf(value) ?? [], notes);
    return [{ split: named, ...samples }];
  }
  if (!(value instanceof PickleDict)) return failTop(reader, value);
  if ([...value].some(([, entry]) => entry instanceof PickleArray)) {
    const fields = await readFields(reader, '', value, notes);
    return [{ split: named, fields, segments: null }];
  }

  const found: Found[] = [];
  for (const [key, entry] of value) {
    const split = typeof key === 'string' ? key : describeValue(key);
    if (areSamples(entry)) {
      found.push({
        split,
        ...(await readSamples(reader, split, itemsOf(entry) ?? [], notes)),
      });
    } else if (entry instanceof PickleDict && isSplit(split, entry)) {
      found.push({ split, fields: await readFields(reader, split, entry, notes), segments: null });
    } else if (canonicalSplit(split) !== undefined && itemsOf(entry)?.length !== 0) {
      return reader.fail(split, describeValue(entry), `a dict of arrays or a list of ${SAMPLES}`);
    } else {
      notes.add(`${split} is left out: it holds ${describeValue(entry)}, no examples`);
    }
  }
  return found.length > 0 ? found : failTop(reader, value);
}

function failTop(reader: FieldReader, value: PickleValue): never {
  return reader.fail(
    '',
    describeValue(value),
    `{'train': ..., 'valid': ..., 'test': ...} of dicts of arrays or of lists of ${SAMPLES}`,
  );
}

/** A dict under a split's name, or one that holds an array: configurations and the like hold none. */
function isSplit(name: string, dict: PickleDict): boolean {
  return (
    canonicalSplit(name) !== undefined ||
    [...dict].some(([, value]) => value instanceof PickleArray)
  );
}

async function readFields(
  reader: FieldReader,
  split: string,
  dict: PickleDict,
  notes: Set<string>,
): Promise<Map<string, Field>> {
  const fields = new Map<string, Field>();
  for (const [key, value] of dict) {
    const name = typeof key === 'string' ? key : describeValue(key);
    const where = split === '' ? name : `${split}.${name}`;
    const field = await reader.field(value);
    if (!('found' in field)) {
      fields.set(name, field);
    } else if (value !== null && (NEEDED.test(name) || holdsArrays(value))) {
      reader.fail(where, field.found, FIELDS);
    } else {
      notes.add(`${where} is left out: it holds ${field.found}`);
    }
  }
  return fields;
}

function holdsArrays(value: PickleValue): boolean {
  return value instanceof PickleArray || itemsOf(value)?.[0] instanceof PickleArray;
}
