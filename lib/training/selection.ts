import { metricDirection, type MetricReport } from '../metrics';

/**
 * Which epoch is best, and when to stop. It sees validation metrics only: nothing here, nor in the epochs that
 * call it, can reach the test split.
 */
export class EarlyStopping {
  readonly #metric: string;
  readonly #patience: number;
  readonly #sign: 1 | -1;
  bestEpoch: number;
  bestScore: number;
  /** Epochs since the best. */
  stale: number;
  /** Whether someone asked for the end. */
  stopped: boolean;

  /** `patience` epochs without a better score end the run; 0 never does. `past` continues an earlier run. */
  constructor(
    metric: string,
    patience: number,
    past: { bestEpoch: number; bestScore: number; stale: number; stopped: boolean } | undefined,
  ) {
    this.#metric = metric;
    this.#patience = patience;
    this.#sign = metricDirection(metric) === 'higher' ? 1 : -1;
    this.bestEpoch = past?.bestEpoch ?? 0;
    this.bestScore = past?.bestScore ?? 0;
    this.stale = past?.stale ?? 0;
    this.stopped = past?.stopped ?? false;
  }

  /** Takes an epoch's validation report; true when it is the best so far. An undefined metric never is. */
  isBest(epoch: number, report: MetricReport): boolean {
    const score = report.metrics[this.#metric];
    const better =
      typeof score === 'number' &&
      (this.bestEpoch === 0 || this.#sign * (score - this.bestScore) > 0);
    if (better) {
      this.bestEpoch = epoch;
      this.bestScore = score;
      this.stale = 0;
    } else {
      this.stale += 1;
    }
    return better;
  }

  get shouldStop(): boolean {
    return this.stopped || (this.#patience > 0 && this.stale >= this.#patience);
  }
}
