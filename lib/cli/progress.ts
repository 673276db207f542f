import { SingleBar } from 'cli-progress';

import { styled } from './colour';
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
  let last: ProgressReport | undefined;
  let stopped = false;
  const single = new SingleBar({
    stream: process.stderr,
    format: (_, { progress }) =>
      last === undefined
        ? ''
        : barLine(last, progress, metric, process.stderr.columns || undefined),
    hideCursor: true,
    clearOnComplete: true,
  });
  return {
    onProgress: (report) => {
      if (stopped) return;
      const total = report.steps * report.epochs;
      const done = (report.epoch - 1) * report.steps + report.step;
      const isFirst = last === undefined;
      last = report;
      if (isFirst) single.start(total, done);
      else single.update(done);
    },
    onEpoch: nothing,
    stop: () => {
      if (last !== undefined && !stopped) single.stop();
      stopped = true;
    },
  };
}

/** Columns of the bar itself. */
const BAR = 12;

/** One line of at most `columns`; what has no room is left out from its end. */
function barLine(report: ProgressReport, progress: number, metric: string, columns = 80): string {
  const { epoch, epochs, examplesPerSecond, secondsLeft, last } = report;
  const done = Math.round(Math.min(1, progress) * BAR);
  const parts = [
    `epoch ${String(epoch)}/${String(epochs)} `,
    `[${'='.repeat(done)}${'-'.repeat(BAR - done)}]`,
    ...(last === undefined ? [] : [` valid ${scoreOf(last, metric)}`]),
    ` | at most ${duration(secondsLeft)} left`,
    `, ${String(Math.round(examplesPerSecond))} examples/s`,
    ...(last === undefined
      ? []
      : termsOf(last).map((term, i) => `${i === 0 ? ' | ' : ' '}${term}`)),
  ];
  let room = columns;
  const fitting = parts.filter((part) => (room -= part.length) >= 0);
  return fitting
    .map((part) => (part.startsWith('[') ? styled(part, ['cyan'], process.stderr) : part))
    .join('');
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
  return `${termsOf(record).join(' ')} valid ${scoreOf(record, metric)}`;
}

function termsOf(record: EpochRecord): string[] {
  const terms = ['loss', 'prediction', 'invariance', 'decorrelation', 'reconstruction'] as const;
  return terms.map((term) => `${term} ${record[term].toFixed(3)}`);
}

/** The score that selects the epoch, starred when it is the best so far. */
function scoreOf({ valid, best }: EpochRecord, metric: string): string {
  return `${metric} ${valid[metric]?.toFixed(4) ?? 'n/a'}${best ? ' *' : ''}`;
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60
    ? `${String(whole)} s`
    : `${String(Math.floor(whole / 60))} min ${String(whole % 60)} s`;
}
