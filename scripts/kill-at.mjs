// Preloaded with --import: kills this process with SIGKILL right before its CMIR_KILL_AT-th file operation (from 1) on
// a path that begins with CMIR_KILL_PATH, a write after half of its bytes. With 0 it counts, and prints the number
// to standard error at the end.
import { Buffer } from 'node:buffer';
import promises from 'node:fs/promises';

const { CMIR_KILL_PATH: folder, CMIR_KILL_AT: at } = process.env;
let operations = 0;

/** Before each operation; `half` is what a torn write still does. */
async function count(half) {
  operations += 1;
  if (operations !== Number(at)) return;
  await half?.();
  process.kill(process.pid, 'SIGKILL');
}

function watchHandle(handle) {
  const { writeFile } = handle;
  handle.writeFile = async (content) => {
    const bytes = Buffer.from(content);
    await count(() => writeFile.call(handle, bytes.subarray(0, bytes.length >> 1)));
    return writeFile.call(handle, bytes);
  };
  for (const name of ['sync', 'close', 'truncate']) {
    const original = handle[name];
    handle[name] = async (...args) => {
      await count();
      return original.apply(handle, args);
    };
  }
  return handle;
}

for (const name of ['open', 'rename', 'rm', 'mkdir']) {
  const original = promises[name];
  promises[name] = async (path, ...args) => {
    if (!String(path).startsWith(folder)) return original(path, ...args);
    await count();
    const result = await original(path, ...args);
    return name === 'open' ? watchHandle(result) : result;
  };
}

if (at === '0') process.on('exit', () => console.error(`${operations} file operations`));
