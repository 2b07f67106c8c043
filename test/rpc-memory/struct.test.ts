import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Struct as GeneratedStruct } from '../../src/shared/gen/google/protobuf/struct.ts';
import { Memory } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { Struct } from '../../src/shared/struct.ts';

const roundTrip = (metadata: { [name: string]: unknown }) =>
  Memory.decode(Memory.encode(Memory.fromPartial({ metadata })).finish()).metadata;

describe('google.protobuf.Struct', () => {
  it('keeps a field called __proto__ as an ordinary field, at any depth', () => {
    const metadata = JSON.parse('{"__proto__":{"admin":true},"a":[{"__proto__":1}],"constructor":"x"}');
    const read = roundTrip(metadata);
    expect(JSON.stringify(read)).toBe(JSON.stringify(metadata));
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect((read as { admin?: boolean }).admin).toBeUndefined();
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it('brings every JSON object back as it was', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), (object) => {
        expect(JSON.stringify(roundTrip(object))).toBe(JSON.stringify(object));
      }),
    );
  });

  it('reads and writes the bytes that the generated codec does', () => {
    // Which loses fields of this one name, wherever they are.
    const value = fc.jsonValue().filter((each) => !JSON.stringify(each).includes('__proto__'));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{0,8}$/), value), (object) => {
        const generated = GeneratedStruct.encode(GeneratedStruct.wrap(object)).finish();
        expect(Buffer.from(Struct.encode(object).finish())).toEqual(Buffer.from(generated));
        expect(Struct.decode(generated)).toEqual(GeneratedStruct.unwrap(GeneratedStruct.decode(generated)));
      }),
    );
  });

  it('skips fields it does not know and keeps NaN for the rules to refuse', () => {
    const value = new BinaryWriter().uint32(800).int32(7).uint32(17).double(Number.NaN);
    const entry = new BinaryWriter().uint32(10).string('n').uint32(18).bytes(value.finish());
    const bytes = new BinaryWriter().uint32(10).bytes(entry.finish()).finish();
    expect(Struct.decode(bytes)).toEqual({ n: Number.NaN });
  });

  it('gives a value without a kind as undefined', () => {
    const entry = new BinaryWriter().uint32(10).string('n').uint32(18).bytes(new Uint8Array());
    const read = Struct.decode(new BinaryWriter().uint32(10).bytes(entry.finish()).finish());
    expect(Object.keys(read)).toEqual(['n']);
    expect(read.n).toBeUndefined();
  });

  it('refuses nesting that would exhaust the stack, and lengths that reach past their message', () => {
    let value: Uint8Array = new Uint8Array();
    for (let i = 0; i < 200; i++) value = new BinaryWriter().uint32(50).bytes(wrapped(10, value)).finish();
    const entry = new BinaryWriter().uint32(10).string('n').uint32(18).bytes(value).finish();
    expect(() => Struct.decode(wrapped(10, entry))).toThrow(/too deeply/);
    expect(() => Struct.decode(Uint8Array.of(10, 100, 1, 2))).toThrow(/premature|tag|EOF/i);
    expect(() => Struct.decode(Uint8Array.of(10, 4, 10, 9, 65, 65))).toThrow();
  });
});

function wrapped(tag: number, bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().uint32(tag).bytes(bytes).finish();
}
