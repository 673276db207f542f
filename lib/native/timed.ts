/** Does `work`, then tells how long it took; nothing where it says that there was nothing to do. */
export async function timed<T>(
  log: (line: string) => void,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  const result = await work();
  if (result !== false) log(`${what} in ${((performance.now() - start) / 1000).toFixed(0)} s`);
  return result;
}
