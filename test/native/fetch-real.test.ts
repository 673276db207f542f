import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { CmirError } from '../../lib/errors';
import { needsPip } from '../../lib/native/fetch/index';
import { setup } from '../../lib/native/setup';
import { installPackage, newFolder, removeFolders } from './fixture';

afterAll(removeFolders);

test('the pinned wheel has the pinned hash where pip finds it, and the addon runs on what is unpacked', async () => {
  const { PATH, HOME } = process.env;
  // Where pip looks may be said in its variables.
  const pip = Object.entries(process.env).filter(([name]) => name.startsWith('PIP_'));
  const env: NodeJS.ProcessEnv = {
    ...Object.fromEntries(pip),
    PATH,
    HOME,
    XDG_CACHE_HOME: newFolder(),
  };
  if (needsPip(env)) {
    console.warn('skipped: no wheel is pinned for this platform');
    return;
  }
  // Nobody is there, so that pip is asked.
  env['CMIR_TORCH_MIRROR'] = 'http://127.0.0.1:1';
  const root = installPackage();
  const lines: string[] = [];
  const libtorch = await setup({ env, root, log: (line) => lines.push(line) }).catch(
    (error: unknown) => {
      if (!(error instanceof CmirError) || !error.message.includes('nor with pip')) throw error;
      console.warn(`skipped: ${error.message}`);
      return undefined;
    },
  );
  if (libtorch === undefined) return;
  expect(libtorch.version).toMatch(/^2\.13\.0/);
  expect(libtorch.root).toContain(env['XDG_CACHE_HOME']);
  expect(existsSync(join(libtorch.root, 'lib', 'libtorch_python.so'))).toBe(false);
  expect(lines[1]).toContain('asking pip for it');
});
