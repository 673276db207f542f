import { stripVTControlCharacters } from 'node:util';

import { progressView } from '../../lib/cli/progress';
import type { EpochRecord } from '../../lib/training/history';

const record = (epoch: number, best = true): EpochRecord => ({
  epoch,
  loss: 3,
  prediction: 1.25,
  risk: 0,
  consistency: 0,
  invariance: 0.5,
  decorrelation: 0.25,
  reconstruction: 1,
  modalities: {},
  valid: { MAE: 0.75, Corr: null },
  best,
  learning_rate: 0.001,
  seconds: 0.1,
  native_seconds: 0.1,
  examples_per_second: 100,
});
const report = { epoch: 2, epochs: 4, step: 3, steps: 10, examplesPerSecond: 1234.5 };

let printed: string[];
let now: number;
const wasTerminal = process.stderr.isTTY;

beforeEach(() => {
  printed = [];
  now = 0;
  jest.spyOn(console, 'error').mockImplementation((line: string) => printed.push(line));
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
  process.stderr.isTTY = wasTerminal;
});

test('lines: the first epoch, about one a second, and the last', () => {
  process.stderr.isTTY = false;
  const view = progressView(false, 'MAE');
  for (let epoch = 1; epoch <= 25; epoch += 1) {
    view.onProgress({ ...report, epoch, secondsLeft: 1, last: undefined });
    view.onEpoch(record(epoch));
    now += 100;
  }
  view.stop();
  view.stop();
  expect(printed.map((line) => line.split(':')[0])).toEqual([
    'epoch 1',
    'epoch 12',
    'epoch 23',
    'epoch 25',
  ]);
});

test('a line holds every term, the score, and a star for the best epoch', () => {
  process.stderr.isTTY = false;
  const view = progressView(false, 'MAE');
  view.onEpoch(record(1));
  expect(printed).toEqual([
    'epoch 1: loss 3.000 prediction 1.250 invariance 0.500 decorrelation 0.250 reconstruction 1.000 ' +
      'valid MAE 0.7500 *',
  ]);
});

test('a score that is undefined is marked, an epoch that is not the best has no star', () => {
  process.stderr.isTTY = false;
  progressView(false, 'Corr').onEpoch(record(1, false));
  expect(printed[0]).toMatch(/valid Corr n\/a$/);
});

test('quiet prints nothing', () => {
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  process.stderr.isTTY = true;
  const view = progressView(true, 'MAE');
  view.onProgress({ ...report, secondsLeft: 1, last: undefined });
  view.onEpoch(record(1));
  view.stop();
  expect(printed).toEqual([]);
  expect(write).not.toHaveBeenCalled();
});

/** What a bar writes on a terminal of so many columns, without what moves its cursor. */
function drawn(columns: number, use: (view: ReturnType<typeof progressView>) => void): string[] {
  jest.restoreAllMocks();
  let text = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  process.stderr.isTTY = true;
  Object.assign(process.stderr, { columns, clearLine: () => true, cursorTo: () => true });
  use(progressView(false, 'MAE'));
  jest.restoreAllMocks();
  return stripVTControlCharacters(text)
    .split(/(?=epoch )/)
    .filter((line) => line.startsWith('epoch '));
}

const show = (view: ReturnType<typeof progressView>): void => {
  view.onProgress({ ...report, secondsLeft: 75, last: undefined });
  view.onProgress({ ...report, step: 5, secondsLeft: 12, last: record(1) });
};

test('on a terminal, a bar with epoch, score, time left, speed and terms', () => {
  const lines = drawn(200, (view) => {
    show(view);
    view.stop();
  });
  expect(lines[0]).toBe('epoch 2/4 [====--------] | at most 1 min 15 s left, 1235 examples/s');
  expect(lines.at(-1)).toBe(
    'epoch 2/4 [=====-------] valid MAE 0.7500 * | at most 12 s left, 1235 examples/s' +
      ' | loss 3.000 prediction 1.250 invariance 0.500 decorrelation 0.250 reconstruction 1.000',
  );
});

test.each([80, 70, 40, 24, 5])('on %d columns, a bar has room, its end left out', (columns) => {
  const lines = drawn(columns, (view) => {
    show(view);
    view.stop();
  });
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
  if (columns >= 24) expect(lines.at(-1)).toMatch(/^epoch 2\/4 \[=+-+\]/);
});

test('a bar that was stopped stays away, and gives the cursor back once', () => {
  let text = '';
  drawn(80, (view) => {
    show(view);
    view.stop();
    const { calls } = (process.stderr.write as jest.Mock).mock;
    const before = calls.length;
    show(view);
    view.stop();
    expect(calls).toHaveLength(before);
    text = calls.map(([chunk]) => String(chunk)).join('');
  });
  expect(text.split('\u001b[?25l')).toHaveLength(2);
  expect(text.split('\u001b[?25h')).toHaveLength(2);
  expect(text.indexOf('\u001b[?25l')).toBeLessThan(text.indexOf('\u001b[?25h'));
  expect(text.lastIndexOf('\u001b[?7l')).toBeLessThan(text.lastIndexOf('\u001b[?7h'));
});

test('a bar that never began stops in silence', () => {
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  process.stderr.isTTY = true;
  progressView(false, 'MAE').stop();
  expect(write).not.toHaveBeenCalled();
});
