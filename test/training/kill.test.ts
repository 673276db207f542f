import { spawnSync } from 'node:child_process';

import { ROOT } from '../helpers/program';

/** A few kills; `npm run -s kills -- --count 1000` tries more, `--sweep` every file operation. */
test('runs killed at any moment, and when resumed, end as the one that never was', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['scripts/kills.mjs', '--count', '8', '--seed', '1', '--json'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect({ status, stdout, stderr }).toMatchObject({ status: 0 });
  expect(JSON.parse(stdout)).toMatchObject({ kills: 8, wrong: [] });
});
