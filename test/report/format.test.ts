import {
  countText,
  directionOf,
  isWide,
  listText,
  metricText,
  numberText,
  pText,
  secondsText,
  spreadText,
  valueText,
} from '../../lib/report/format';

const plain = (text: string): string => text.replace(/\u00a0/g, ' ');

test('shares are told in percent, other metrics with three digits, null as a dash', () => {
  expect(plain(metricText('Non0_acc_2', 0.7421))).toBe('74.2 %');
  expect(metricText('MAE', 0.9374)).toBe('0.937');
  expect(metricText('Corr', -0.25)).toBe('−0.250');
  expect(metricText('Corr', null)).toBe('–');
  expect(plain(spreadText('F1_score', 0.7421, 0.0049))).toBe('74.2 ± 0.5 %');
  expect(plain(spreadText('MAE', 0.9374, 0.0061))).toBe('0.937 ± 0.006');
  expect(spreadText('MAE', 0.9374, null)).toBe('0.937');
  expect(spreadText('MAE', null, null)).toBe('–');
});

test('p-values are not told as 0', () => {
  expect(plain(pText(0))).toBe('p < 0.001');
  expect(plain(pText(0.0012))).toBe('p = 0.0012');
  expect(plain(pText(0.04567))).toBe('p = 0.046');
  expect(plain(pText(1))).toBe('p = 1');
});

test('numbers, counts and times', () => {
  expect(numberText(1234567)).toBe('1,234,567');
  expect(numberText(31.5)).toBe('31.5');
  expect(countText(999)).toBe('999');
  expect(countText(165409)).toBe('165 k');
  expect(countText(1.3e9)).toBe('1.30 G');
  expect(secondsText(0.354)).toBe('0.35 s');
  expect(secondsText(59.7)).toBe('1 min 0 s');
  expect(secondsText(3725)).toBe('1 h 2 min');
  expect(valueText(0.1 + 0.2)).toBe('0.3');
  expect(valueText([1, 'a'])).toBe('1, a');
  expect(valueText([{ kind: 'erase', intensity: 0.5 }])).toBe('erase 0.5');
  expect(valueText(undefined)).toBe('–');
  expect(listText(['a', 'b', 'c'])).toBe('a, b and c');
  expect(listText([])).toBe('');
});

test('what better means is known of every metric, and guessed of others', () => {
  expect(directionOf('MAE')).toBe('lower');
  expect(directionOf('Corr')).toBe('higher');
  expect(directionOf('robustMAE')).toBe('lower');
  expect(directionOf('Some_acc')).toBe('higher');
});

test('axes are logarithmic for positive values of several sizes, not for evenly spread ones', () => {
  expect(isWide([0.1, 0.3, 1, 3, 10])).toBe(true);
  expect(isWide(Array.from({ length: 50 }, (_, i) => 0.01 + i / 100))).toBe(false);
  expect(isWide([0, 1, 100])).toBe(false);
  expect(isWide([1, 2, 3])).toBe(false);
  expect(isWide([])).toBe(false);
});
