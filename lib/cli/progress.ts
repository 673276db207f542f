import { SingleBar } from 'cli-progress';

import type { EpochRecord } from '../training/history';
import type { ProgressReport } from '../training/loop';

/** What shows how a training goes, on standard error. */
export interface ProgressView {
  readonly onProgress: (report: ProgressReport) => void;
  readonly onEpoch: (record: EpochRecord) => void;
  readonly stop: () => void;
}

/** A bar on a terminal, a line now and then elsewhere, nothing when quiet. */
export function progressView(quiet: boolean, metric: string): ProgressView {
  if (quiet) return { onProgress: nothing, onEpoch: nothing, stop: nothing };
  return process.stderr.isTTY ? bar(metric) : lines(metric);
}

function nothing(): void {
  // Quiet.
}

function bar(metric: string): ProgressView {
  const single = new SingleBar({
    stream: process.stderr,
    // What a narrow terminal cuts off comes last.
    format: 'epoch {epoch}/{epochs} [{bar}] {speed} examples/s, at most {left} left{terms}',
    barCompleteChar: '=',
    barIncompleteChar: '-',
    barsize: 12,
    hideCursor: true,
    clearOnComplete: true,
  });
  let started = false;
  return {
    onProgress: (report) => {
      const payload = {
        epoch: report.epoch,
        epochs: report.epochs,
        speed: Math.round(report.examplesPerSecond),
        left: duration(report.secondsLeft),
        terms: report.last === undefined ? '' : ` | ${describe(report.last, metric)}`,
      };
      const total = report.steps * report.epochs;
      const done = (report.epoch - 1) * report.steps + report.step;
      if (!started) single.start(total, done, payload);
      else single.update(done, payload);
      started = true;
    },
    onEpoch: nothing,
    stop: () => {
      if (started) single.stop();
    },
  };
}

/** Milliseconds between two lines: short epochs share one. */
const LINE_INTERVAL = 1000;

function lines(metric: string): ProgressView {
  let written = -Infinity;
  let pending: EpochRecord | undefined;
  const write = (record: EpochRecord): void => {
    console.error(`epoch ${String(record.epoch)}: ${describe(record, metric)}`);
    written = performance.now();
    pending = undefined;
  };
  return {
    onProgress: nothing,
    onEpoch: (record) => {
      if (performance.now() - written > LINE_INTERVAL) write(record);
      else pending = record;
    },
    stop: () => {
      if (pending !== undefined) write(pending);
    },
  };
}

function describe(record: EpochRecord, metric: string): string {
  const terms = (
    ['loss', 'prediction', 'invariance', 'decorrelation', 'reconstruction'] as const
  ).map((term) => `${term} ${record[term].toFixed(3)}`);
  const score = record.valid[metric];
  return `${terms.join(' ')} valid ${metric} ${score?.toFixed(4) ?? 'n/a'}${record.best ? ' *' : ''}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60
    ? `${String(whole)} s`
    : `${String(Math.floor(whole / 60))} min ${String(whole % 60)} s`;
}
