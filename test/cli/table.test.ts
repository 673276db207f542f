import { stripVTControlCharacters } from 'node:util';

import { best } from '../../lib/cli/colour';
import { alignedTable, metricTable } from '../../lib/cli/table';

const { FORCE_COLOR } = process.env;
afterEach(() => {
  if (FORCE_COLOR === undefined) delete process.env['FORCE_COLOR'];
  else process.env['FORCE_COLOR'] = FORCE_COLOR;
});

test('a row a set, a column a metric, undefined ones marked', () => {
  const table = metricTable({
    test: { MAE: 0.123456, Corr: null },
    'a longer name': { MAE: 12, Corr: -0.5 },
  });
  expect(table).toBe(
    [
      '                   MAE     Corr',
      'test            0.1235      n/a',
      'a longer name  12.0000  -0.5000',
    ].join('\n'),
  );
});

test('no sets make an empty table', () => {
  expect(metricTable({})).toBe('');
});

test('sets of other metrics: a column for each, empty where a set has it not', () => {
  expect(metricTable({ mmsa: { MAE: 0.00005, Corr: 1 }, sims: { Acc: 0.12345, MAE: 1 } })).toBe(
    ['         MAE    Corr     Acc', 'mmsa  0.0000  1.0000', 'sims  1.0000          0.1234'].join(
      '\n',
    ),
  );
});

test('a table that is too wide goes on below, each part with the first column', () => {
  const table = [
    ['', 'one', 'two', 'three'],
    ['row', '1', '2', '3'],
  ];
  expect(alignedTable(table, 13)).toBe(
    ['     one  two', 'row    1    2', '', '     three', 'row      3'].join('\n'),
  );
  expect(alignedTable(table, 20)).toBe(['     one  two  three', 'row    1    2      3'].join('\n'));
  // A column that has no room anywhere is there all the same.
  expect(alignedTable(table, 1).split('\n\n')).toHaveLength(3);
});

test('colours do not move columns', () => {
  const table = (mark: (text: string) => string) => [
    ['', 'MAE'],
    ['a', mark('0.1 <')],
    ['b', '0.25'],
  ];
  const plain = alignedTable(table(String));
  process.env['FORCE_COLOR'] = '1';
  const coloured = alignedTable(table(best));
  expect(coloured).toContain('\u001b[1m\u001b[32m0.1 <');
  expect(stripVTControlCharacters(coloured)).toBe(plain);
});
