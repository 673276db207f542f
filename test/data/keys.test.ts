import { exampleKey, keysOf } from '../../lib/data/keys';

test.each([
  // Published with the algorithm.
  ['', 0x811c9dc5],
  ['a', 0xe40c292c],
  ['foobar', 0xbf9cf968],
])("FNV-1a of '%s'", (text, hash) => {
  expect(exampleKey(text)).toBe(hash);
});

test('hashes UTF-8 bytes', () => {
  let hash = 0x811c9dc5n;
  for (const byte of [0xc3n, 0xa9n, 0xe2n, 0x82n, 0xacn]) {
    hash = ((hash ^ byte) * 0x01000193n) % 2n ** 32n;
  }
  expect(exampleKey('é€')).toBe(Number(hash));
});

test('keysOf maps every id', () => {
  expect(keysOf(['a', '', 'a'])).toEqual(Uint32Array.of(0xe40c292c, 0x811c9dc5, 0xe40c292c));
});
