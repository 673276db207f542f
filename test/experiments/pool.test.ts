import { setTimeout as wait } from 'node:timers/promises';

import { inParallel } from '../../lib/experiments/pool';

test('results come in the order of the items, at most so many at once', async () => {
  let running = 0;
  let most = 0;
  const results = await inParallel([30, 10, 20, 0, 5], 2, async (delay) => {
    running += 1;
    most = Math.max(most, running);
    await wait(delay);
    running -= 1;
    return delay;
  });
  expect(results).toEqual([30, 10, 20, 0, 5]);
  expect(most).toBe(2);
});

test('no items, no results', async () => {
  expect(await inParallel([], 3, () => Promise.reject(new Error('never')))).toEqual([]);
});

test('the first failure begins no more, waits for what runs, and is thrown', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    await wait(item === 1 ? 5 : 30);
    if (item === 1) throw new Error('broken 1');
    ended.push(item);
  };
  await expect(inParallel([0, 1, 2, 3], 2, work)).rejects.toThrow('broken 1');
  expect(begun).toEqual([0, 1]);
  expect(ended).toEqual([0]);
});

test('a signal begins no more', async () => {
  const stop = new AbortController();
  const begun: number[] = [];
  const work = async (item: number): Promise<void> => {
    begun.push(item);
    stop.abort();
    await wait(1);
  };
  await expect(inParallel([0, 1, 2], 1, work, stop.signal)).rejects.toMatchObject({
    code: 'ERR_CMIR_ABORTED',
  });
  expect(begun).toEqual([0]);
});

test('a pause lends its place to others', async () => {
  const order: string[] = [];
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  await inParallel([0, 1], 1, async (item, slot) => {
    order.push(`begin ${String(item)}`);
    if (item === 0) await slot.pause(gate);
    else open();
    order.push(`end ${String(item)}`);
  });
  expect(order).toEqual(['begin 0', 'begin 1', 'end 1', 'end 0']);
});
