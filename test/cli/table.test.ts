import { metricTable } from '../../lib/cli/table';

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
