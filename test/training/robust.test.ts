import { computeMetrics, metricDirection } from '../../lib/metrics';
import { robustNoises, withRobustScore } from '../../lib/training/robust';
import { train, type Run } from '../../lib/training/train';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

const data = tinyDataset();
const options = { ...TINY, training: { ...TINY.training, metric: 'robustMAE' } };
let run: Run;

beforeAll(async () => {
  run = await train(data, options);
});
afterAll(() => {
  run.model.dispose();
  removeFresh();
});

test('the score is the mean of the metric over the listed validation sets', async () => {
  const noises = robustNoises(['text', 'audio']);
  expect(noises.map(({ kind, intensity }) => [kind, intensity])).toEqual([
    ['gaussian', 0.7],
    ['gaussian', 1.4],
    ['erase', 0.5],
    ['erase', 0.7],
    ['modality', 1],
    ['modality', 1],
  ]);
  const scores = [(await run.model.evaluate(data.valid)).metrics['MAE'] as number];
  for (const { kind, intensity, modalities } of noises) {
    const noise = { kind, intensity, seed: 0, ...(modalities === null ? {} : { modalities }) };
    scores.push((await run.model.evaluate(data.valid, { noise })).metrics['MAE'] as number);
  }
  const expected = scores.reduce((a, b) => a + b, 0) / 7;
  const best = run.history[run.metrics.best_epoch - 1];
  expect(best?.valid['robustMAE']).toBeCloseTo(expected, 6);
  expect(run.metrics.valid['robustMAE']).toBe(best?.valid['robustMAE']);
  expect(run.metrics.valid['MAE']).toBe(scores[0]);
});

test('it selects the epoch', () => {
  const scores = run.history.map(({ valid }) => valid['robustMAE'] as number);
  expect(run.metrics.best_epoch).toBe(1 + scores.indexOf(Math.min(...scores)));
  expect(new Set(scores).size).toBe(scores.length);
  expect(run.history[0]?.valid).not.toHaveProperty('robustCorr');
});

test('a resumed run scores as one that never stopped', async () => {
  const out = freshPath();
  const short = { ...options, training: { ...options.training, epochs: 2 } };
  (await train(data, short, { out })).model.dispose();
  const resumed = await train(data, options, { out, resume: true });
  resumed.model.dispose();
  const scores = ({ history }: Run) => history.map(({ valid }) => valid);
  expect(scores(resumed)).toEqual(scores(run));
  expect(resumed.metrics.best_epoch).toBe(run.metrics.best_epoch);
});

test('one modality is never missing', () => {
  expect(robustNoises(['text']).map(({ kind }) => kind)).toEqual([
    ...['gaussian', 'gaussian', 'erase', 'erase'],
  ]);
});

test('a set on which the metric is undefined leaves the score undefined, and says which', async () => {
  const targets = Float32Array.of(1, -1, 2);
  const clean = computeMetrics('regression', Float32Array.of(1, 0, 2), targets, 1);
  const constant = (): Promise<Float32Array> => Promise.resolve(new Float32Array(3));
  const { shape } = run.model;
  const corr = await withRobustScore(clean, 'robustCorr', shape, targets, constant);
  expect(corr.metrics['robustCorr']).toBeNull();
  expect(corr.undefined['robustCorr']).toMatch(/^Corr on gaussian 0.7: /);
  const mae = await withRobustScore(clean, 'robustMAE', shape, targets, constant);
  expect(mae.metrics['robustMAE']).toBeCloseTo((1 / 3 + (6 * 4) / 3) / 7, 6);
  expect(mae.undefined).toEqual(clean.undefined);
  expect(await withRobustScore(clean, 'MAE', shape, targets, constant)).toBe(clean);
});

test('its direction is that of its metric; others are refused', async () => {
  expect(metricDirection('robustMAE')).toBe('lower');
  expect(metricDirection('robustAcc')).toBe('higher');
  for (const metric of ['robust', 'robustMEA', 'robustAcc', 'robustrobustMAE']) {
    const error = await errorOf(() => train(data, { ...TINY, training: { metric } }));
    expect(error.code).toBe('ERR_CMIR_CONFIG');
    expect(error.message).toContain(`training.metric: found '${metric}', expected auto or one of`);
  }
});
