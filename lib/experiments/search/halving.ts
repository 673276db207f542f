/** What a trial does after an epoch. */
export type Verdict = 'continue' | 'stop';

/** Of the trials that reach a rung, the share that goes on. */
const KEEP = 1 / 3;

interface Standing {
  readonly trial: number;
  readonly score: number | null;
  readonly decide: (verdict: Verdict) => void;
}

/**
 * Successive halving (Jamieson and Talwalkar, 2016): trials pause at each rung, a number of epochs, until all that
 * still run have come there; the better third goes on. Decisions depend on scores alone, not on who was faster.
 */
export class Halving {
  /** Epochs after which trials are compared. */
  readonly rungs: readonly number[];
  readonly #sign: 1 | -1;
  /** Trials that are still to come to each rung. */
  readonly #expected: Set<number>[];
  readonly #standings: Standing[][];

  constructor(trials: readonly number[], epochs: number, direction: 'higher' | 'lower') {
    this.rungs = [9, 3]
      .map((part) => Math.ceil(epochs / part))
      .filter((rung, index, all) => rung < epochs && rung !== all[index - 1]);
    this.#sign = direction === 'higher' ? 1 : -1;
    this.#expected = this.rungs.map(() => new Set(trials));
    this.#standings = this.rungs.map(() => []);
  }

  /** Resolves once all have come to the rung. `score` is the best so far on validation. */
  reach(trial: number, epoch: number, score: number | null): Promise<Verdict> {
    const rung = this.rungs.indexOf(epoch);
    return new Promise((decide) => {
      this.#standings[rung]?.push({ trial, score, decide });
      this.#expected[rung]?.delete(trial);
      this.#settle(rung);
    });
  }

  /** The trial comes to no further rung: it has ended. */
  end(trial: number): void {
    this.rungs.forEach((_, rung) => {
      if (this.#expected[rung]?.delete(trial) === true) this.#settle(rung);
    });
  }

  #settle(rung: number): void {
    if (this.#expected[rung]?.size !== 0) return;
    const standings = (this.#standings[rung] ?? []).sort(
      (a, b) => this.#compare(a.score, b.score) || a.trial - b.trial,
    );
    const kept = Math.max(1, Math.ceil(standings.length * KEEP));
    // Those that stop leave the rungs above first, so that these wait for nobody in vain.
    for (const { trial } of standings.slice(kept)) {
      for (const above of this.#expected.slice(rung + 1)) above.delete(trial);
    }
    standings.forEach(({ decide }, place) => {
      decide(place < kept ? 'continue' : 'stop');
    });
  }

  /** Negative where `a` is better; undefined scores come last. */
  #compare(a: number | null, b: number | null): number {
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return this.#sign * (b - a);
  }
}
