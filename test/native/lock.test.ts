import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { whileLocked } from '../../lib/native/lock';
import { newFolder, removeFolders, write } from './fixture';

afterEach(removeFolders);

const never = () => {
  throw new Error('it waited');
};

/** Number of a process that has ended. */
function deadProcess(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

const DAY = 24 * 60 * 60;

test('calls at once in one thread take turns, and leave nothing behind', async () => {
  const file = join(newFolder(), 'new', 'lock');
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await sleep(20);
    events.push(`${name} ends`);
    return name;
  };
  const names = ['a', 'b', 'c'];
  const results = await Promise.all(
    names.map((name) => whileLocked(file, () => undefined, work(name))),
  );
  expect(results).toEqual(names);
  expect(events).toHaveLength(6);
  for (let i = 0; i < 6; i += 2) {
    expect(events[i + 1]).toBe(events[i]?.replace('begins', 'ends'));
  }
  expect(readdirSync(dirname(file))).toEqual([]);
});

test('the lock names its owner while work is done, and goes when that fails', async () => {
  const file = join(newFolder(), 'lock');
  const work = () => {
    expect(readFileSync(file, 'utf8')).toBe(`${String(process.pid)}-${hostname()}`);
    return Promise.reject(new Error('no luck'));
  };
  await expect(whileLocked(file, never, work)).rejects.toThrow('no luck');
  expect(existsSync(file)).toBe(false);
});

test.each<[string, () => string, number]>([
  ['a process that died', () => `${String(deadProcess())}-${hostname()}`, 0],
  ['another machine, of days ago', () => '1-elsewhere', 2 * DAY],
  [
    'an earlier process of this number, as containers have',
    () => `${String(process.pid)}-${hostname()}`,
    DAY,
  ],
])('the lock of %s is taken over', async (_, owner, age) => {
  const file = write(join(newFolder(), 'lock'), owner());
  const made = Date.now() / 1000 - age;
  utimesSync(file, made, made);
  expect(await whileLocked(file, never, () => Promise.resolve(1))).toBe(1);
  expect(readdirSync(dirname(file))).toEqual([]);
});

test.each([
  ['a process that lives', `${String(process.ppid)}-${hostname()}`],
  ['another machine, of just now', '1-elsewhere'],
])('the lock of %s is waited for, said once', async (_, owner) => {
  const file = write(join(newFolder(), 'lock'), owner);
  const waited: string[] = [];
  let done = false;
  const pending = whileLocked(
    file,
    (name) => waited.push(name),
    () => {
      done = true;
      return Promise.resolve();
    },
  );
  // Longer than two looks at the lock.
  await sleep(600);
  expect(done).toBe(false);
  expect(waited).toEqual([owner]);
  rmSync(file);
  await pending;
  expect(done).toBe(true);
});
