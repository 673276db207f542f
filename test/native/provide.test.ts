import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { findLibtorch } from '../../lib/native/libtorch';
import { provideLibtorch } from '../../lib/native/provide';
import { WHEEL, WHEEL_NAME, buildOf, machine, sha256 } from './fetch-fixture';
import { errorOf, fakeLibtorch, newFolder, removeFolders, write } from './fixture';

afterEach(removeFolders);

const builds = [buildOf('http://127.0.0.1:1')];

function given(): string {
  return write(join(newFolder(), WHEEL_NAME), WHEEL);
}

test('what is found is taken unless another is asked for', async () => {
  const { env, cache } = machine();
  const cpu = fakeLibtorch(join(cache, 'libtorch-2.13.0-cpu', 'torch'), '2.13.0+cpu');
  const cuda = fakeLibtorch(join(cache, 'libtorch-2.13.0-cu130', 'torch'), '2.13.0+cu130');
  const older = fakeLibtorch(join(cache, 'libtorch-2.12.0-cpu', 'torch'), '2.12.0+cpu');
  expect((await provideLibtorch({ env })).libtorch.root).toBe(cuda);
  const asked = await provideLibtorch({ env, variant: 'cpu', version: '2.12.0' });
  expect(asked.libtorch.root).toBe(older);
  expect(findLibtorch(asked.env)?.root).toBe(older);
  // It is the one that is found from then on, until another is asked for.
  expect((await provideLibtorch({ env })).libtorch.root).toBe(older);
  expect((await provideLibtorch({ env, variant: 'cpu' })).libtorch.root).toBe(cpu);
  expect(findLibtorch(env)?.root).toBe(cpu);
});

test('a LibTorch in a folder of its own is for whoever sets LIBTORCH', async () => {
  const { env, cache, lines } = machine();
  const cached = fakeLibtorch(join(cache, 'libtorch-2.13.0-cpu', 'torch'), '2.13.0+cpu');
  const folder = newFolder();
  const options = {
    env,
    folder,
    files: [given()],
    builds,
    log: (line: string) => lines.push(line),
  };
  const { libtorch, env: after } = await provideLibtorch(options);
  expect(libtorch.root).toBe(join(folder, 'torch'));
  expect(findLibtorch(after)?.root).toBe(libtorch.root);
  expect(findLibtorch(env)?.root).toBe(cached);
  expect(lines.at(-1)).toMatch(/^fetched in \d+ s$/);
});

test('LIBTORCH that names another is told of', async () => {
  const { env, lines } = machine();
  env['LIBTORCH'] = fakeLibtorch(newFolder());
  const { libtorch, env: after } = await provideLibtorch({
    env,
    files: [given()],
    builds,
    log: (line) => lines.push(line),
  });
  expect(lines.at(-1)).toBe('LIBTORCH is set: later commands go by it, not by this setup');
  expect(after['LIBTORCH']).toBe(libtorch.root);
  expect(readFileSync(join(libtorch.root, 'version.py'), 'utf8')).toContain('2.13.0+cpu');
});

test.each([
  [{ variant: 'gpu' }, "variant: found 'gpu' (did you mean cu130?)"],
  [{ version: '2' }, "version: found '2'; expected a version of LibTorch"],
])('%j is bad usage', async (wish, words) => {
  const error = await errorOf(() => provideLibtorch({ env: machine().env, ...wish }));
  expect(error.code).toBe('ERR_CMIR_USAGE');
  expect(error.message).toContain(words);
});

test('a file that is unknown is refused with its hash', async () => {
  const error = await errorOf(() => provideLibtorch({ env: machine().env, files: [given()] }));
  expect(error.message).toContain(sha256(WHEEL));
});
