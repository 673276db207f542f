import { uniformInt } from 'pure-rand/distribution/uniformInt';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/** Values that lengths, counts and offsets go wrong at. */
const AWKWARD = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** A damaged copy: one to three flips, cuts, splices, overwritten numbers. */
export function mutate(bytes: Uint8Array, random: RandomGenerator): Buffer {
  let copy = Buffer.from(bytes);
  const below = (limit: number): number => (limit < 1 ? 0 : uniformInt(random, 0, limit - 1));
  for (let left = 1 + below(3); left > 0; left -= 1) {
    const at = below(copy.length);
    const end = Math.min(copy.length, at + 1 + below(16));
    switch (below(6)) {
      case 0:
        if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at) ^ (1 << below(8)), at);
        break;
      case 1:
        copy = copy.subarray(0, at);
        break;
      case 2:
        copy = Buffer.concat([copy.subarray(0, at), copy.subarray(end)]);
        break;
      case 3:
        copy = Buffer.concat([copy.subarray(0, end), copy.subarray(at)]);
        break;
      case 4:
        for (let i = at; i < end; i += 1) copy.writeUInt8(below(256), i);
        break;
      default: {
        const value = AWKWARD[below(AWKWARD.length)] as number;
        const width = [1, 2, 4, 8][below(4)] as number;
        if (at + width > copy.length) break;
        const number = Buffer.alloc(8);
        number.writeBigUInt64LE(BigInt(value) << BigInt(below(2) * 20));
        number.copy(copy, at, 0, width);
      }
    }
  }
  return copy;
}
