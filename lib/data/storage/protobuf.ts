/** How a field is written, in the lowest bits of its key (https://protobuf.dev/programming-guides/encoding). */
export const WIRE = { varint: 0, double: 1, bytes: 2, float: 5 } as const;

/** A whole number from 0 on, seven bits a byte. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const keyOf = (field: number, wire: number): Buffer => varint((field << 3) | wire);

/** An integer from 0 to 2^53 - 1. */
export function wholeField(field: number, value: number): Buffer {
  return Buffer.concat([keyOf(field, WIRE.varint), varint(value)]);
}

export function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([keyOf(field, WIRE.double), bytes]);
}

export function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([keyOf(field, WIRE.float), bytes]);
}

/** A text, bytes, or a message of fields. */
export function bytesField(
  field: number,
  content: string | Uint8Array | readonly Uint8Array[],
): Buffer {
  const bytes =
    typeof content === 'string'
      ? Buffer.from(content)
      : Array.isArray(content)
        ? Buffer.concat(content as readonly Uint8Array[])
        : (content as Uint8Array);
  return Buffer.concat([keyOf(field, WIRE.bytes), varint(bytes.length), bytes]);
}
