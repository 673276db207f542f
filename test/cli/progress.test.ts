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

test('on a terminal, a bar with epoch, terms, speed and time left', () => {
  jest.restoreAllMocks();
  let text = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  process.stderr.isTTY = true;
  process.stderr.clearLine = () => true;
  const cursorTo = jest.fn(() => true);
  Object.assign(process.stderr, { cursorTo });
  const view = progressView(false, 'MAE');
  view.onProgress({ ...report, secondsLeft: 75, last: undefined });
  view.onProgress({ ...report, step: 5, secondsLeft: 12, last: record(1) });
  view.stop();
  expect(text).toContain('epoch 2/4 [');
  expect(text).toMatch(/=+-+/);
  expect(text).toContain('1235 examples/s, at most 1 min 15 s left');
});

test('a bar that never began stops in silence', () => {
  const write = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  process.stderr.isTTY = true;
  progressView(false, 'MAE').stop();
  expect(write).not.toHaveBeenCalled();
});
