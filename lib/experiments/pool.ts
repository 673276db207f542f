import { availableParallelism } from 'node:os';

import { throwIfAborted } from '../errors';

/** How many trainings run at once by default: one a core, each with one thread. */
export function defaultParallel(): number {
  return Math.max(1, availableParallelism());
}

/** A right to run, that can be lent back while waiting for others. */
export interface Slot {
  /** Lets others run until `until` is settled, then waits for its turn. */
  pause<T>(until: Promise<T>): Promise<T>;
}

/** At most so many pieces of work at once, in the order in which they asked. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/**
 * Results of `work` on every item, in their order, at most `parallel` at once. The first failure, or the signal,
 * begins no more, waits for what runs, then throws.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  parallel: number,
  work: (item: T, slot: Slot) => Promise<R>,
  signal?: AbortSignal,
): Promise<R[]> {
  const slots = new Slots(parallel);
  const failures: unknown[] = [];
  const slot: Slot = {
    pause: async (until) => {
      slots.give();
      try {
        return await until;
      } finally {
        await slots.take();
      }
    },
  };
  const run = async (item: T): Promise<R[]> => {
    await slots.take();
    try {
      if (failures.length > 0) return [];
      throwIfAborted(signal);
      return [await work(item, slot)];
    } catch (error) {
      failures.push(error);
      return [];
    } finally {
      slots.give();
    }
  };
  const results = await Promise.all(items.map(run));
  if (failures.length > 0) throw failures[0];
  return results.flat();
}
