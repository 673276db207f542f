import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { removeUnfinished, writeAtomically } from '../../lib/training/files';
import { errorOf, freshPath, removeFresh } from './fixture';

afterAll(removeFresh);

test('writes text and bytes, replacing what was there and leaving nothing beside', async () => {
  const path = freshPath('file');
  await writeAtomically(path, 'first');
  expect(readFileSync(path, 'utf8')).toBe('first');
  await writeAtomically(path, Uint8Array.of(1, 2, 3));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  expect(readdirSync(dirname(path))).toEqual(['file']);
});

test('a write that fails names the file and leaves nothing', async () => {
  const path = join(freshPath('absent'), 'file');
  const error = await errorOf(() => writeAtomically(path, 'text'));
  expect(error.code).toBe('ERR_CMIR_IO');
  expect(error.message).toContain(path);
  expect(error.cause).toMatchObject({ code: 'ENOENT' });
  expect(existsSync(path)).toBe(false);
});

test('a rename that fails keeps the old content and removes the temporary file', async () => {
  const path = freshPath('folder');
  mkdirSync(path);
  writeFileSync(join(path, 'old'), 'kept');
  const error = await errorOf(() => writeAtomically(path, 'new'));
  expect(error.code).toBe('ERR_CMIR_IO');
  expect(readFileSync(join(path, 'old'), 'utf8')).toBe('kept');
  expect(readdirSync(dirname(path))).toEqual(['folder']);
});

test('what killed writes left is removed, and nothing else', async () => {
  const folder = freshPath();
  mkdirSync(folder);
  const kept = ['history.jsonl', 'last.json', 'notes.tmp', 'notes.1.tmp', 'last.json.tmp'];
  const left = ['history.jsonl.12.tmp', 'last.json.3.tmp', 'model.safetensors.456.tmp'];
  for (const name of [...kept, ...left]) writeFileSync(join(folder, name), '');
  await removeUnfinished(folder);
  expect(readdirSync(folder).sort()).toEqual([...kept].sort());
});
