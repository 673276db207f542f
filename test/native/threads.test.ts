// A thread of the engine that has nothing to do ends, and its OpenMP team with it: teams that outnumber the processors
// together put each other to sleep between operations, which makes small models several times slower.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { ops } from '../../lib/ops';

const count = (): number => readdirSync('/proc/self/task').length;
const linux = process.platform === 'linux' ? test : test.skip;

linux('threads come with work and go without it', async () => {
  const z = { shape: [4, 512, 256], data: new Float32Array(4 * 512 * 256).fill(1) };
  // What LibTorch and Node start once, they keep.
  await ops.invariance(z);
  let before = count();
  for (let calm = 0; calm < 10; ++calm) {
    await sleep(50);
    if (count() !== before) [before, calm] = [count(), 0];
  }
  await ops.invariance(z);
  expect(count()).toBeGreaterThan(before);
  while (count() > before) await sleep(10);
  // And they come again.
  expect((await ops.invariance(z)).value).toBe(0);
});
