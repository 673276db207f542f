import { spawnSync } from 'node:child_process';

import { ROOT } from './helpers/python';

/** A few mutations of every form; `npm run fuzz -- --count 100000` tries more. */
test('damaged data sets of every form end in a CmirError that names the path, or load', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/fuzz.mjs', '--count', '200', '--seed', '7'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect(stdout).toMatch(/^safetensors: \d+ loaded, [1-9]/m);
  expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
});
