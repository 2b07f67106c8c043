import { StreamDecoder } from '@grpc/grpc-js/build/src/stream-decoder.js';
import { describe, expect, it } from 'vitest';
import '../../src/server/rpc/call-intake.ts';
import { frame } from './harness.ts';

describe('a message', () => {
  const hello = frame(Buffer.from('hello'));
  const empty = frame(Buffer.alloc(0));

  it('that came in one piece is that piece', () => {
    expect(new StreamDecoder(100).write(hello)[0]).toBe(hello);
  });

  it.each([
    ['two in one piece', [Buffer.concat([hello, empty])]],
    ['one after the other', [hello, empty]],
    ['single bytes', [...hello, ...empty].map((byte) => Buffer.of(byte))],
  ])('is found in %s', (_how, pieces) => {
    const decoder = new StreamDecoder(100);
    expect(pieces.flatMap((piece) => decoder.write(piece))).toEqual([hello, empty]);
  });

  it('whose second piece looks like one is not taken for two', () => {
    const decoder = new StreamDecoder(100);
    const outer = frame(hello);
    expect(decoder.write(outer.subarray(0, 5))).toEqual([]);
    expect(decoder.write(hello)).toEqual([outer]);
  });

  it('that is larger than may be is refused as ever', () => {
    expect(() => new StreamDecoder(4).write(hello)).toThrow('Received message larger than max (5 vs 4)');
    expect(new StreamDecoder(5).write(hello)).toEqual([hello]);
    expect(new StreamDecoder(-1).write(hello)).toEqual([hello]);
  });
});
