/** Longest integer, in bytes or digits. */
export const LONGEST_INTEGER = 1024;

/** A number where it is exact. */
export function integerOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Decimal digits, or True and False as protocols 0 and 1 write them; null for others. */
export function parseInteger(line: string): number | bigint | boolean | null {
  if (line === '01') return true;
  if (line === '00') return false;
  if (line.length > LONGEST_INTEGER || !/^[-+]?\d+$/.test(line)) return null;
  return integerOf(BigInt(line.replace('+', '')));
}

/** Two's complement, little-endian. */
export function decodeLong(source: Buffer): number | bigint {
  const digits = Buffer.from(source).reverse().toString('hex');
  return integerOf(BigInt.asIntN(8 * source.length, BigInt(`0x0${digits}`)));
}
