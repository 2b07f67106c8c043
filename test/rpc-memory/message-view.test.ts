import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Memory, Scope } from '../../src/server/domain/memory.ts';
import { MemoryFrames } from '../../src/server/rpc/memory/memory-frames.ts';
import { basicView, briefView } from '../../src/server/rpc/memory/message-view.ts';
import { protoCodec, toMessage } from '../../src/server/rpc/memory/proto-codec.ts';
import { Memory as MemoryMessage } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { BatchGetMemoriesResponse } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';

const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'grapheme' });
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

const memories: fc.Arbitrary<Memory> = fc.record({
  id: fc.uuid(),
  key: text,
  scope: fc.constantFrom(...Object.values(Scope)),
  userId: text,
  team: text,
  category: text,
  content: fc.oneof(text, fc.string({ minLength: 100, maxLength: 40_000 })),
  tags: fc.array(text),
  metadata: fc.option(fc.dictionary(text, fc.jsonValue()) as fc.Arbitrary<Memory['metadata']>, { nil: undefined }),
  revision: number,
  changeNo: number,
  author: text,
  createTime: time,
  updateTime: time,
  deleteTime: fc.option(time, { nil: undefined }),
  expireTime: fc.option(time, { nil: undefined }),
});

describe('an encoded memory', () => {
  it('decodes to the memory it was made of', () => {
    fc.assert(
      fc.property(memories, (memory) => {
        expect(JSON.stringify(protoCodec.decode(protoCodec.encode(memory)))).toBe(JSON.stringify(memory));
      }),
    );
  });

  it('loses exactly content and metadata in VIEW_BASIC, and tags in the brief one', () => {
    fc.assert(
      fc.property(memories, (memory) => {
        const bytes = protoCodec.encode(memory);
        const basic = { ...toMessage(memory), content: '', metadata: undefined };
        expect(MemoryMessage.decode(basicView(bytes))).toEqual(basic);
        expect(MemoryMessage.decode(briefView(bytes))).toEqual({ ...basic, tags: [] });
      }),
    );
  });
});

describe('frames', () => {
  it('are what the generated encoder writes', () => {
    const strings = fc.array(fc.string({ unit: 'grapheme', maxLength: 200 }));
    fc.assert(
      fc.property(fc.array(memories), strings, strings, (all, missingIds, remainingIds) => {
        const frames = new MemoryFrames();
        for (const memory of all) frames.add(protoCodec.encode(memory));
        const size = frames.size;
        const { bytes } = frames.finish(missingIds, remainingIds);
        const message = { memories: all.map(toMessage), missingIds, remainingIds };
        expect(Buffer.from(bytes)).toEqual(Buffer.from(BatchGetMemoriesResponse.encode(message).finish()));
        expect(size).toBe(
          BatchGetMemoriesResponse.encode({ ...message, missingIds: [], remainingIds: [] }).finish().length,
        );
        expect(frames).toMatchObject({ size: 0, count: 0 });
      }),
    );
  });
});
