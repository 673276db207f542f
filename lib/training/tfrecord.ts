/** Of each byte, for the reflected polynomial of CRC-32C (Castagnoli; RFC 3720, section 12.1). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C of bytes, in [0, 2^32). */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return ~crc >>> 0;
}

/** Checksums of bytes that hold checksums are masked: rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** Bytes before the data of a record: its length and the checksum of that. */
const HEADER_BYTES = 12;

/**
 * One record of a TFRecord file (https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details):
 * uint64 length, its masked checksum, the data, their masked checksum, all little-endian.
 */
export function encodeRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + data.length + 4);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, HEADER_BYTES);
  record.writeUInt32LE(maskedCrc(data), HEADER_BYTES + data.length);
  return record;
}

/** The data of a file's first record; undefined where none is whole. */
export function firstRecord(file: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < HEADER_BYTES) return undefined;
  if (bytes.readUInt32LE(8) !== maskedCrc(bytes.subarray(0, 8))) return undefined;
  const end = HEADER_BYTES + Number(bytes.readBigUInt64LE());
  if (bytes.length < end + 4) return undefined;
  const data = bytes.subarray(HEADER_BYTES, end);
  return bytes.readUInt32LE(end) === maskedCrc(data) ? data : undefined;
}
