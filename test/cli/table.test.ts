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
