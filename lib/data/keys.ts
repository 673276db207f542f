const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * 32-bit FNV-1a of the id's UTF-8 bytes, in [0, 2^32): keys an example's noise by what it is, not where it stands.
 * http://www.isthe.com/chongo/tech/comp/fnv/
 */
export function exampleKey(id: string): number {
  let hash = OFFSET_BASIS;
  for (const byte of Buffer.from(id, 'utf8')) hash = Math.imul(hash ^ byte, PRIME);
  return hash >>> 0;
}

/** One key an id, as the trainer's noise takes them. */
export function keysOf(ids: readonly string[]): Uint32Array {
  return Uint32Array.from(ids, exampleKey);
}
