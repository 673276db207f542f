import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';

import { PickleArray, PickleDict, readPickle, type PickleValue } from '../../../lib/data/pickle';
import { StoredArray } from '../../../lib/data/storage/array';
import { FileBytes } from '../../../lib/data/storage/bytes';
import { findPython } from '../../helpers/python';
import { makeFolder, removeFolders } from '../fixture';
import { fuzz, memory, MUTATIONS, readJson } from '../storage/fixture';
import { canonicalJson, jsonOf } from './fixture';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;
const PROTOCOLS = [0, 1, 2, 3, 4, 5];
/** As numpy 2 and numpy 1 write it, and without the memo keys that are not used. */
const VARIANTS = ['2', '1', 'o'];

describeWithPython('pickles that Python wrote', () => {
  let folder = '';
  beforeAll(() => {
    folder = makeFolder({});
    python?.run([path.join('test', 'python', 'pickles.py'), folder]);
  });
  afterAll(removeFolders);

  async function read<T>(name: string, use: (value: PickleValue) => T): Promise<Awaited<T>> {
    await using bytes = await FileBytes.open(path.join(folder, name));
    return await use(await readPickle(bytes));
  }

  const cases = PROTOCOLS.flatMap((protocol) =>
    VARIANTS.map((variant) => `${String(protocol)}-${variant}`),
  );

  test.each(cases)('protocol and names %s: plain values', async (name) => {
    const expected = canonicalJson(readJson(path.join(folder, 'values.json')));
    expect(await read(`values-${name}.pkl`, jsonOf)).toEqual(expected);
  });

  test.each(cases)('protocol and names %s: arrays, bit for bit', async (name) => {
    const expected = canonicalJson(readJson(path.join(folder, 'arrays.json'))) as unknown[];
    expect(expected.length).toBeGreaterThan(390);
    const found = (await read(`arrays-${name}.pkl`, jsonOf)) as unknown[];
    expect(found).toHaveLength(expected.length);
    found.forEach((array, i) => {
      expect([i, array]).toEqual([i, expected[i]]);
    });
  });

  test.each(cases)('protocol and names %s: a list within itself', async (name) => {
    const itself = (await read(`itself-${name}.pkl`, (value) => value)) as PickleValue[];
    expect((itself[0] as PickleDict).get('me')).toBe(itself);
  });

  test('values that Python shares are shared', async () => {
    const dict = (await read('values-4-2.pkl', (value) => value)) as PickleDict;
    const [first, second] = dict.get('shared') as PickleValue[];
    expect(first).toBe(second);
  });

  test('arrays lie in the file from protocol 3 on, and are not read', async () => {
    for (const protocol of PROTOCOLS) {
      const name = `arrays-${String(protocol)}-2.pkl`;
      const content = readFileSync(path.join(folder, name));
      const arrays = (await read(name, (value) => value)) as PickleArray[];
      const long = arrays.find(
        (array) => array.content?.kind === 'numbers' && array.content.size === 300_000,
      )?.content as StoredArray;
      if (protocol < 3) {
        expect(long.plainOffset).toBeNull();
      } else {
        const offset = long.plainOffset as number;
        expect(content.readFloatLE(offset + 4 * 299_999)).toBe(299_999);
      }
    }
  });

  test('never crash or hang when they are damaged', async () => {
    const names = readdirSync(folder).filter((name) => /^values-.-[12]\.pkl$/.test(name));
    const result = { read: 0, refused: 0 };
    for (const name of names) {
      const {
        read: count,
        refused,
        wrong,
      } = await fuzz(
        readFileSync(path.join(folder, name)),
        Math.ceil(MUTATIONS / 2 / names.length),
        async (damaged) => jsonOf(await readPickle(memory(damaged))),
      );
      expect(wrong).toEqual([]);
      result.read += count;
      result.refused += refused;
    }
    expect(result.read).toBeGreaterThan(0);
    expect(result.refused).toBeGreaterThan(0);
  });
});
