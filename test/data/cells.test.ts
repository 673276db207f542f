import { listNames, parseNumber, quoteCell } from '../../lib/data/cells';

test.each([
  ['0', 0],
  ['-1.5', -1.5],
  ['+2', 2],
  ['.5', 0.5],
  ['5.', 5],
  ['1e-3', 0.001],
  ['1E+3', 1000],
  [' 7\t', 7],
  ['nan', NaN],
  ['NaN', NaN],
  ['-1.#IND', NaN],
  ['inf', Infinity],
  ['+Infinity', Infinity],
  ['-INF', -Infinity],
  ['-1.#INF', -Infinity],
  ['', undefined],
  ['  ', undefined],
  ['0x1F', undefined],
  ['0o7', undefined],
  ['1.2.3', undefined],
  ['1e', undefined],
  ['e5', undefined],
  ['infinite', undefined],
  ['nano', undefined],
  ['١', undefined],
])("parseNumber('%s')", (cell, expected) => {
  expect(parseNumber(cell)).toBe(expected);
});

test('quoteCell keeps a message on one line', () => {
  expect(quoteCell('a\n b')).toBe("'a b'");
  expect(quoteCell('x'.repeat(40))).toBe(`'${'x'.repeat(40)}'`);
  expect(quoteCell('x'.repeat(41))).toBe(`'${'x'.repeat(39)}…'`);
});

test('listNames stops at twelve', () => {
  expect(listNames(['a', 'b'])).toBe('a, b');
  const names = Array.from({ length: 14 }, (_, i) => `c${String(i)}`);
  expect(listNames(names)).toBe(`${names.slice(0, 12).join(', ')} and 2 more`);
});
