import fc from 'fast-check';

/** What is done to good bytes. */
export const mutation = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('flip' as const), at: fc.double({ min: 0, max: 1, noNaN: true }), bit: fc.nat(7) }),
    fc.record({ kind: fc.constant('cut' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ kind: fc.constant('append' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }) }),
    fc.record({ kind: fc.constant('repeat' as const) }),
    fc.record({ kind: fc.constant('replace' as const), bytes: fc.uint8Array({ maxLength: 64 }) }),
  ),
  { maxLength: 3 },
);
export type Mutation = (typeof mutation extends fc.Arbitrary<infer T> ? T : never)[number];

export function mutate(bytes: Buffer, how: Mutation): Buffer {
  switch (how.kind) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      const at = Math.floor(how.at * (copy.length - 1));
      if (copy.length > 0) copy.writeUInt8(copy.readUInt8(at) ^ (1 << how.bit), at);
      return copy;
    }
    case 'cut':
      return bytes.subarray(0, Math.floor(how.at * bytes.length));
    case 'append':
      return Buffer.concat([bytes, how.bytes]);
    case 'repeat':
      return Buffer.concat([bytes, bytes]);
    case 'replace':
      return Buffer.from(how.bytes);
  }
}
