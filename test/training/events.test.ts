import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';

import { resolveConfig } from '../../lib/config';
import { FILES } from '../../lib/training/checkpoint';
import { encodeEvents, epochEvent, startOf } from '../../lib/training/events';
import type { EpochRecord } from '../../lib/training/history';
import { train, type Run, type TrainOptions } from '../../lib/training/train';
import { findPython } from '../helpers/python';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

const python = findPython();
const describeWithPython = python === undefined ? describe.skip : describe;

afterAll(removeFresh);

const data = tinyDataset();
const eventsOf = (out: string) => readFileSync(join(out, FILES.events));
const options = (epochs: number) => ({
  ...TINY,
  training: { ...TINY.training, epochs, patience: 0 },
});

async function trainIn(out: string, epochs: number, hooks: TrainOptions = {}): Promise<Run> {
  const run = await train(data, options(epochs), { out, ...hooks });
  run.model.dispose();
  return run;
}

/** Trains until an epoch is over, then aborts within the next. */
async function interrupt(out: string, epochs: number, at: number): Promise<void> {
  const stop = new AbortController();
  const onEpoch = ({ epoch }: EpochRecord) => {
    if (epoch === at) stop.abort();
  };
  await errorOf(() => trainIn(out, epochs, { signal: stop.signal, onEpoch }));
}

describe('the events of a run', () => {
  const START = 1.7e9;

  test('are those of its history, from its start on', async () => {
    const out = freshPath();
    const before = Date.now() / 1000;
    const { config, history } = await trainIn(out, 4);
    const start = startOf(eventsOf(out)) as number;
    expect(start).toBeGreaterThanOrEqual(before);
    expect(start).toBeLessThanOrEqual(Date.now() / 1000);
    expect(eventsOf(out).equals(encodeEvents(start, config, history))).toBe(true);
  });

  test('grow by an epoch at a time', () => {
    const config = resolveConfig();
    const history = [1, 2, 3].map((epoch) => ({
      ...{ epoch, loss: epoch, prediction: 0, invariance: 0, decorrelation: 0, reconstruction: 0 },
      ...{ risk: 0, consistency: 0 },
      ...{ modalities: {}, valid: { MAE: 1, Corr: null }, best: true, learning_rate: 0.1 },
      ...{ seconds: 0.1, native_seconds: 0, examples_per_second: 1 },
    }));
    const [one, all] = [history.slice(0, 1), history];
    const grown = [one, history.slice(0, 2), all].map((some) => epochEvent(START, some));
    const whole = Buffer.concat([encodeEvents(START, config, []), ...grown]);
    expect(encodeEvents(START, config, all).equals(whole)).toBe(true);
    expect(startOf(whole)).toBe(START);
  });

  test.each<[string, (path: string) => void]>([
    ['as they were', () => undefined],
    [
      'torn',
      (path) => {
        truncateSync(path, readFileSync(path).length - 5);
      },
    ],
    [
      'ahead',
      (path) => {
        appendFileSync(path, readFileSync(path).subarray(-200));
      },
    ],
    [
      'missing',
      (path) => {
        rmSync(path);
      },
    ],
    [
      'of another program',
      (path) => {
        truncateSync(path, 0);
        appendFileSync(path, 'something else');
      },
    ],
  ])('left %s by a kill are without gap or repetition once it is resumed', async (_, damage) => {
    const out = freshPath();
    await interrupt(out, 4, 2);
    damage(join(out, FILES.events));
    const { config, history } = await trainIn(out, 4, { resume: true });
    expect(history).toHaveLength(4);
    const start = startOf(eventsOf(out)) as number;
    expect(eventsOf(out).equals(encodeEvents(start, config, history))).toBe(true);
  });

  test('are no others when an epoch is written again', async () => {
    const out = freshPath();
    const { config, history } = await trainIn(out, 4, {
      onEpoch: ({ epoch }, stop) => {
        if (epoch === 2) stop();
      },
    });
    const start = startOf(eventsOf(out)) as number;
    expect(eventsOf(out).equals(encodeEvents(start, config, history))).toBe(true);
  });
});

describeWithPython('TensorBoard reads', () => {
  interface Found {
    readonly version: string;
    readonly events: number;
    readonly scalars: Record<string, [time: number, step: number, value: number][]>;
    readonly texts: Record<string, string[]>;
  }
  const read = (folder: string): Found =>
    JSON.parse(python?.run([join('test', 'python', 'read_events.py'), folder]) ?? '') as Found;

  test('every term and metric of every epoch, and the configuration', async () => {
    const out = freshPath();
    await interrupt(out, 130, 2);
    const { config, history } = await trainIn(out, 130, { resume: true });
    const { version, events, scalars, texts } = read(out);
    // More steps than a byte of a varint holds.
    expect(history.length).toBeGreaterThan(127);
    expect({ version, events }).toEqual({ version: 'brain.Event:2', events: history.length + 2 });
    const expected: Record<string, (record: EpochRecord) => number | null | undefined> = {
      'train/loss': ({ loss }) => loss,
      'train/prediction': ({ prediction }) => prediction,
      'train/risk': ({ risk }) => risk,
      'train/consistency': ({ consistency }) => consistency,
      'train/invariance': ({ invariance }) => invariance,
      'train/decorrelation': ({ decorrelation }) => decorrelation,
      'train/reconstruction': ({ reconstruction }) => reconstruction,
      learning_rate: (record) => record.learning_rate,
    };
    for (const name of ['text', 'audio']) {
      for (const term of ['invariance', 'decorrelation', 'reconstruction'] as const) {
        expected[`train/${term}/${name}`] = ({ modalities }) => modalities[name]?.[term];
      }
    }
    for (const name of Object.keys(history[0]?.valid ?? {})) {
      expected[`valid/${name}`] = ({ valid }) => valid[name];
    }
    expect(Object.keys(scalars).sort()).toEqual(Object.keys(expected).sort());
    for (const [tag, valueOf] of Object.entries(expected)) {
      const defined = history.filter((record) => valueOf(record) !== null);
      expect(scalars[tag]?.map(([, step, value]) => [step, value])).toEqual(
        defined.map((record) => [record.epoch, Math.fround(valueOf(record) as number)]),
      );
    }
    const times = scalars['train/loss']?.map(([time]) => time) ?? [];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const [text] = texts['configuration/text_summary'] ?? [];
    expect(JSON.parse(text ?? '')).toEqual(config);
  });
});
