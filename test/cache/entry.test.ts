import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeRecord, encodeValue, epochOf, STAMP_BYTES, stamp, valueBytes } from '../../src/server/cache/entry.ts';
import { type MemoryCodec, MemoryRecord, Scope } from '../../src/server/domain/memory.ts';

const untouched: MemoryCodec = {
  encode: () => {
    throw new Error('the message is there already');
  },
  decode: () => {
    throw new Error('a header is read without the message');
  },
};

const name = fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => Buffer.byteLength(text) <= 128);
const owner = fc.oneof(
  name.map((userId) => ({ scope: Scope.PERSONAL, userId, team: '' })),
  name.map((team) => ({ scope: Scope.TEAM, userId: '', team })),
  fc.constant({ scope: Scope.WORKSPACE, userId: '', team: '' }),
);
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const time = fc.option(whole, { nil: undefined });
const record = fc
  .record({ owner, changeNo: whole, deleteTime: time, expireTime: time, message: fc.uint8Array({ maxLength: 300 }) })
  .map(({ owner, message, ...head }) => new MemoryRecord({ ...owner, ...head }, untouched, undefined, message));

const plain = (of: MemoryRecord | undefined) =>
  of && {
    scope: of.scope,
    userId: of.userId,
    team: of.team,
    changeNo: of.changeNo,
    deleteTime: of.deleteTime,
    expireTime: of.expireTime,
    message: Buffer.from(of.message),
  };

it('a value comes back as it was, header and message, without the message being decoded', () => {
  fc.assert(
    fc.property(record, whole, (record, epoch) => {
      const bytes = encodeValue(epoch, record);
      expect(bytes.length).toBe(valueBytes(record));
      expect(epochOf(bytes)).toBe(epoch);
      expect(plain(decodeRecord(bytes, untouched))).toEqual(plain(record));
    }),
  );
});

it('a value begins with the stamp of its epoch', () => {
  fc.assert(
    fc.property(record, whole, (record, epoch) => {
      expect(encodeValue(epoch, record).subarray(0, STAMP_BYTES)).toEqual(stamp(epoch));
    }),
  );
});

it('a value that was cut short or changed is a value or nothing, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
      const bytes = Buffer.from(noise);
      bytes[0] = 0x56;
      bytes[9] = 1;
      epochOf(bytes);
      decodeRecord(bytes, untouched);
    }),
  );
});
