import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import type { CmirError } from '../../lib/errors';
import { FILES, readLast } from '../../lib/training/checkpoint';
import { appendTo } from '../../lib/training/files';
import { train, type TrainOptions } from '../../lib/training/train';
import { smallDisk } from '../helpers/disk';
import { content, unfinished } from './content';
import { errorOf, freshPath, removeFresh, TINY, tinyDataset } from './fixture';

const data = tinyDataset();
const EPOCHS = TINY.training.epochs;

async function finish(out: string, hooks: TrainOptions = {}): Promise<void> {
  (await train(data, TINY, { out, ...hooks })).model.dispose();
}

/** The error of a training that cannot write. */
async function failToWrite(out: string, hooks: TrainOptions = {}): Promise<CmirError> {
  const error = await errorOf(() => train(data, TINY, { out, ...hooks }));
  expect(error.code).toBe('ERR_CMIR_IO');
  expect(error.message).toContain(`cannot write ${out}`);
  return error;
}

/** Waits until an epoch is on disk: nothing is being written then. */
async function saved(out: string, epoch: number): Promise<void> {
  const isThere = async () =>
    unfinished(out).length === 0 && (await readLast(out)).progress.epoch === epoch;
  while (!(await isThere())) await new Promise((resolve) => setTimeout(resolve, 1));
}

const whole = freshPath('whole');
const disk = smallDisk(freshPath('disk'), 1 << 20);
const onDisk = disk === undefined ? test.skip : test;

beforeAll(() => finish(whole));
afterAll(() => {
  disk?.remove();
  removeFresh();
});

describe('a disk that is full', () => {
  /** A device of Linux on which every write fails with ENOSPC. */
  const FULL = '/dev/full';
  const hasFull = existsSync(FULL);
  if (!hasFull) console.warn(`skipped: this system has no ${FULL}`);

  /** Puts the device in the place of the temporary file of one. */
  const fill = (out: string, name: string) => {
    symlinkSync(FULL, join(out, `${name}.${String(process.pid)}.tmp`));
  };

  (hasFull ? test : test.skip).each([
    ['history.jsonl', 1],
    ['last.safetensors', 2],
    ['last.json', 3],
    ['model.safetensors', 1],
  ])('for %s leaves the checkpoint before, from epoch %i', async (name, epoch) => {
    const out = freshPath();
    const error = await failToWrite(out, {
      onEpoch: async (record) => {
        if (record.epoch !== epoch) return;
        await saved(out, epoch);
        fill(out, name);
      },
    });
    expect(error.message).toContain(`${join(out, name)}: ENOSPC`);
    expect(error.message).toMatch(/free some space/);
    expect(error.cause).toMatchObject({ code: 'ENOSPC' });
    expect(unfinished(out)).toEqual([]);
    expect((await readLast(out)).progress.epoch).toBe(epoch);
    await finish(out, { resume: true });
    expect(content(out)).toEqual(content(whole));
  });

  (hasFull ? test : test.skip)('for TensorBoard leaves the checkpoint', async () => {
    const out = freshPath();
    const path = join(out, FILES.events);
    const error = await failToWrite(out, {
      onEpoch: async ({ epoch }) => {
        if (epoch !== 2) return;
        await saved(out, epoch);
        rmSync(path);
        symlinkSync(FULL, path);
      },
    });
    expect(error.message).toContain(`${path}: ENOSPC`);
    rmSync(path);
    await finish(out, { resume: true });
    expect(content(out)).toEqual(content(whole));
  });

  onDisk('leaves a file as it was that could not be added to', async () => {
    const { path } = disk as NonNullable<typeof disk>;
    const [ballast, file] = [join(path, 'ballast'), join(path, 'file')];
    writeFileSync(file, 'first');
    writeFileSync(ballast, Buffer.alloc((1 << 20) - 4096));
    // What is left of the file's last block takes a part of it.
    const error = await errorOf(() => appendTo(file, Buffer.alloc(10_000)));
    expect(error.message).toContain(`cannot write ${file}: ENOSPC`);
    expect(readFileSync(file, 'utf8')).toBe('first');
    for (const left of [ballast, file]) rmSync(left);
  });

  (hasFull ? test : test.skip)('for the metrics leaves the whole training', async () => {
    const out = freshPath();
    const error = await failToWrite(out, {
      onEpoch: ({ epoch }) => {
        if (epoch === EPOCHS) fill(out, 'metrics.json');
      },
    });
    expect(error.message).toContain(`${join(out, 'metrics.json')}: ENOSPC`);
    expect(unfinished(out)).toEqual([]);
    await finish(out, { resume: true });
    expect(content(out)).toEqual(content(whole));
  });

  onDisk('at any moment loses nothing', async () => {
    const { path } = disk as NonNullable<typeof disk>;
    const ballast = join(path, 'ballast');
    const out = join(path, 'run');
    let failures = 0;
    for (let free = 0; ; free += 4096) {
      rmSync(out, { recursive: true, force: true });
      mkdirSync(out);
      rmSync(ballast, { force: true });
      writeFileSync(ballast, Buffer.alloc((1 << 20) - 4096 - free));
      const error = await finish(out).catch((cause: unknown) => cause as CmirError);
      rmSync(ballast);
      if (error === undefined) break;
      expect(error.code).toBe('ERR_CMIR_IO');
      expect(error.message).toMatch(/^cannot write .*run.*: ENOSPC/);
      expect(unfinished(out)).toEqual([]);
      failures += 1;
      await finish(out, { resume: true });
      expect(content(out)).toEqual(content(whole));
    }
    expect(failures).toBeGreaterThan(3);
  });
});

describe('a folder that is read-only', () => {
  const isRoot = process.getuid?.() === 0;

  /** Makes the folder read-only, for whoever runs this. */
  const protect = (folder: string, readOnly: boolean) => {
    if (isRoot) disk?.setReadOnly(readOnly);
    else chmodSync(folder, readOnly ? 0o555 : 0o755);
  };
  const newRun = (name: string) => (isRoot ? join(disk?.path ?? '', name) : freshPath(name));
  const runTest = isRoot ? onDisk : test;

  runTest('from the start is an error that names the file', async () => {
    const out = newRun('started');
    mkdirSync(out);
    protect(out, true);
    try {
      const epochs: number[] = [];
      const error = await failToWrite(out, { onEpoch: ({ epoch }) => epochs.push(epoch) });
      expect(error.message).toMatch(/config\.json: (EROFS|EACCES)/);
      expect(epochs).toEqual([]);
    } finally {
      protect(out, false);
    }
  });

  runTest('and cannot be made is an error that names it', async () => {
    const out = newRun('absent');
    protect(dirname(out), true);
    try {
      const error = await errorOf(() => train(data, TINY, { out }));
      expect(error.code).toBe('ERR_CMIR_IO');
      expect(error.message).toContain(out);
      expect(error.message).toMatch(/EROFS|EACCES/);
    } finally {
      protect(dirname(out), false);
    }
  });

  runTest('from an epoch on leaves the checkpoint before', async () => {
    const out = newRun('later');
    await failToWrite(out, {
      onEpoch: async ({ epoch }) => {
        if (epoch !== 2) return;
        await saved(out, 2);
        protect(out, true);
      },
    });
    protect(out, false);
    expect(unfinished(out)).toEqual([]);
    expect((await readLast(out)).progress.epoch).toBe(2);
    await finish(out, { resume: true });
    expect(content(out)).toEqual(content(whole));
  });

  runTest('of a run that has ended is resumed, for nothing is written', async () => {
    const out = newRun('ended');
    await finish(out);
    const before = content(out);
    protect(out, true);
    try {
      await finish(out, { resume: true });
      expect(content(out)).toEqual(before);
    } finally {
      protect(out, false);
    }
  });
});
