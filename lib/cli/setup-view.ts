import { SingleBar } from 'cli-progress';

/** What shows how a setup goes, on standard error. */
export interface SetupView {
  readonly log: (line: string) => void;
  readonly onProgress: (received: number, total: number) => void;
}

/** Lines, and of a download a bar on a terminal and elsewhere a line each tenth; nothing when quiet. */
export function setupView(quiet: boolean): SetupView {
  if (quiet) return { log: nothing, onProgress: nothing };
  const print = (line: string): void => {
    console.error(`cmir: ${line}`);
  };
  const progress = process.stderr.isTTY ? bar() : lines(print);
  return {
    log: (line) => {
      progress.pause();
      print(line);
    },
    onProgress: progress.onProgress,
  };
}

function nothing(): void {
  // Quiet.
}

interface DownloadView {
  readonly onProgress: (received: number, total: number) => void;
  /** Makes room for a line. */
  readonly pause: () => void;
}

function bar(): DownloadView {
  let single: SingleBar | undefined;
  const pause = (): void => {
    single?.stop();
    single = undefined;
  };
  return {
    onProgress: (received, total) => {
      if (single === undefined) {
        if (received >= total) return;
        single = new SingleBar({
          stream: process.stderr,
          format: '{received} of {size} MB [{bar}] {percentage} %, {eta_formatted} left',
          barCompleteChar: '=',
          barIncompleteChar: '-',
          barsize: 24,
          etaBuffer: 500,
          hideCursor: true,
          clearOnComplete: true,
        });
        single.start(total, received, { received: 0, size: megabytes(total) });
      }
      single.update(received, { received: megabytes(received) });
      if (received >= total) pause();
    },
    pause,
  };
}

function lines(print: (line: string) => void): DownloadView {
  let tenths: number | undefined;
  return {
    onProgress: (received, total) => {
      const now = Math.floor((10 * received) / total);
      if (tenths !== undefined && now > tenths) {
        print(
          `downloaded ${megabytes(received)} of ${megabytes(total)} MB (${String(10 * now)} %)`,
        );
      }
      tenths = now;
    },
    pause: nothing,
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(0);
}
