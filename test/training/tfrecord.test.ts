import { crc32c, encodeRecord, firstRecord } from '../../lib/training/tfrecord';

/** RFC 3720, appendix B.4, and the usual check value. */
test.each<[string, Uint8Array, number]>([
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 rising bytes', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 falling bytes', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
  ['nine digits', Buffer.from('123456789'), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('CRC-32C of %s', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected);
});

test('a record is read back, whatever follows it', () => {
  const data = Buffer.from('data');
  const record = encodeRecord(data);
  expect(record.length).toBe(8 + 4 + data.length + 4);
  expect(firstRecord(record)).toEqual(data);
  expect(firstRecord(Buffer.concat([record, Buffer.of(1, 2)]))).toEqual(data);
});

test('a record that is cut or damaged is none', () => {
  const record = encodeRecord(Buffer.from('data'));
  for (let end = 0; end < record.length; end += 1) {
    expect(firstRecord(record.subarray(0, end))).toBeUndefined();
  }
  for (let at = 0; at < record.length; at += 1) {
    const damaged = Buffer.from(record);
    damaged.writeUInt8(record.readUInt8(at) ^ 1, at);
    expect(firstRecord(damaged)).toBeUndefined();
  }
});
