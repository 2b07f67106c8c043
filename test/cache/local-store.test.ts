import { afterEach, describe, expect, it, vi } from 'vitest';
import { LocalStore } from '../../src/server/cache/local-store.ts';
import { DEAD_VALUE_TTL_MS, FILL_TTL_MS, type Found, MARK_TTL_MS } from '../../src/server/cache/protocol.ts';
import { newId } from '../../src/server/domain/ids.ts';
import { MESSAGE_ROOM, MemoryRecord } from '../../src/server/domain/memory.ts';
import { memoryOf, textCodec } from './support/sample.ts';

const MESSAGE_BYTES = 1_000;
/** What one of them takes: the message, its room and 400 bytes of tables. */
const ENTRY_BYTES = MESSAGE_BYTES + MESSAGE_ROOM + 400;

function fill(store: LocalStore, id: string, deleteTime?: number, workspaceId = 1): void {
  const record = new MemoryRecord(
    { ...memoryOf(id, ''), deleteTime },
    textCodec,
    undefined,
    Buffer.alloc(MESSAGE_BYTES),
  );
  store.step(workspaceId, [
    { op: 'lease', id, token: id, over: undefined },
    { op: 'fill', id, token: id, value: { epoch: 0, record } },
  ]);
}

function recordOf(found: Found): MemoryRecord | undefined {
  return typeof found === 'object' ? found.record : undefined;
}

function present(store: LocalStore, ids: readonly string[]): string[] {
  return ids.filter((id) => recordOf(store.read(1, [id])[0]) !== undefined);
}

describe('what is kept in this process', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('stays below its bound, and what was used since it last was in question stays', () => {
    const store = new LocalStore(textCodec, 4 * ENTRY_BYTES);
    for (const id of ['a', 'b', 'c', 'd']) fill(store, id);
    expect(store).toMatchObject({ size: 4, bytes: 4 * ENTRY_BYTES });
    fill(store, 'e');
    expect(store).toMatchObject({ size: 4, bytes: 4 * ENTRY_BYTES });
    // All were new, so that it was the first one.
    expect(present(store, ['b'])).toEqual(['b']);
    fill(store, 'f');
    expect(present(store, ['a', 'b', 'c', 'd', 'e', 'f'])).toEqual(['b', 'd', 'e', 'f']);
  });

  it('lets go first what came and was not used', () => {
    const store = new LocalStore(textCodec, 4 * ENTRY_BYTES);
    for (const id of ['a', 'b', 'c', 'd']) fill(store, id);
    for (const id of ['e', 'f', 'g']) {
      present(store, ['a', 'b', 'c']);
      fill(store, id);
    }
    expect(present(store, [...'abcdefg'])).toEqual(['a', 'b', 'c', 'g']);
  });

  it('takes what is asked for while there is room, and then what is asked for again', () => {
    const store = new LocalStore(textCodec, 1_000 * ENTRY_BYTES);
    const ask = (id: string) => {
      const [found] = store.read(1, [id]);
      if (found === undefined) fill(store, id);
      return found;
    };
    const kept = Array.from({ length: 930 }, () => newId());
    for (const id of kept) expect(ask(id)).toBeUndefined();
    const once = Array.from({ length: 20_000 }, () => newId());
    const taken = once.filter((id) => ask(id) === undefined);
    // The last of the room.
    expect(taken.length).toBeLessThan(20);
    expect(present(store, kept).length).toBe(930);
    const again = newId();
    expect(ask(again)).toBe('F');
    // Its place may be another's, which gives way every other time; among a hundred others it is remembered.
    for (let tries = 0; tries < 100 && ask(again) === 'F'; tries++) {
      for (let others = 0; others < 100; others++) store.read(1, [newId()]);
    }
    expect(present(store, [again])).toEqual([again]);
  });

  it('keeps two that take turns, though their place is one', () => {
    const store = new LocalStore(textCodec, 100 * ENTRY_BYTES);
    for (let at = 0; at < 100; at++) fill(store, newId());
    const ids = ['00000001', '80000001'].map((end) => `0190aaaa-0000-7000-8000-0000${end}`);
    for (let turn = 0; turn < 200; turn++) {
      for (const id of ids) if (store.read(1, [id])[0] === undefined) fill(store, id);
    }
    expect(present(store, ids)).toEqual(ids);
  });

  it('learns what is asked for by many at once, when it is full of something else', () => {
    const store = new LocalStore(textCodec, 400 * ENTRY_BYTES);
    for (let at = 0; at < 400; at++) fill(store, newId());
    const wanted = Array.from({ length: 200 }, () => newId());
    const message = Buffer.alloc(MESSAGE_BYTES);
    for (let round = 0; round < 40; round++) {
      for (let from = 0; from < wanted.length; from += 50) {
        const missing = wanted.slice(from, from + 50).filter((id) => store.read(1, [id])[0] === undefined);
        store.step(
          1,
          missing.map((id) => ({ op: 'lease', id, token: id, over: undefined })),
        );
        const filled = store.step(
          1,
          missing.map((id) => {
            const record = new MemoryRecord(memoryOf(id, ''), textCodec, undefined, message);
            return { op: 'fill', id, token: id, value: { epoch: 0, record } };
          }),
        );
        expect(filled).not.toContain(false);
      }
    }
    expect(present(store, wanted).length).toBeGreaterThan(190);
  });

  it('has forgotten what was asked for long ago', () => {
    const store = new LocalStore(textCodec, 4 * ENTRY_BYTES);
    for (const id of ['a', 'b', 'c', 'd']) fill(store, id);
    const id = newId();
    expect(store.read(1, [id])).toEqual(['F']);
    for (let others = 0; others < 1_000; others++) store.read(1, [newId()]);
    expect(store.read(1, [id])).toEqual(['F']);
  });

  it('finds what gives way in a step or two, however much is kept', () => {
    const store = new LocalStore(textCodec, 2_000 * ENTRY_BYTES);
    for (let at = 0; at < 2_000; at++) fill(store, `${at}`);
    const next = vi.spyOn(Object.getPrototypeOf(new Map().entries()), 'next');
    for (let at = 2_000; at < 12_000; at++) fill(store, `${at}`);
    expect(next.mock.calls.length).toBeLessThan(50_000);
    next.mockRestore();
  });

  it.each([0, 300, 500, 1_000])('holds with a bound of %i bytes, whatever one call puts there', (maxBytes) => {
    const store = new LocalStore(textCodec, maxBytes);
    const ids = Array.from({ length: 20 }, (_, at) => `${at}`);
    for (const workspace of [1, 2, 1]) {
      store.step(
        workspace,
        ids.map((id) => ({ op: 'mark', id, token: 't' })),
      );
    }
    expect(store.bytes).toBeLessThanOrEqual(maxBytes);
    const found = [1, 2].flatMap((workspace) => store.read(workspace, ids)).filter((entry) => entry !== undefined);
    expect(found).toHaveLength(store.size);
  });

  it('counts what it lets go', () => {
    const store = new LocalStore(textCodec, 4 * ENTRY_BYTES);
    fill(store, 'a');
    store.step(1, [{ op: 'mark', id: 'a', token: 'write' }]);
    expect(store).toMatchObject({ size: 1, bytes: 400 });
    store.step(1, [{ op: 'settle', id: 'a', token: 'write', value: undefined }]);
    expect(store).toMatchObject({ size: 0, bytes: 0 });
  });

  it('is of one workspace, also where another one has a memory of the same id, or asks for it', () => {
    const store = new LocalStore(textCodec, 100 * ENTRY_BYTES);
    fill(store, 'a');
    expect(store.read(2, ['a'])).toEqual([undefined]);
    store.step(2, [{ op: 'lease', id: 'a', token: 'other', over: undefined }]);
    expect(present(store, ['a'])).toEqual(['a']);
    store.step(2, [{ op: 'settle', id: 'a', token: 'other', value: undefined }]);
    expect(store).toMatchObject({ size: 1, bytes: ENTRY_BYTES });
    expect(store.read(2, ['a'])).toEqual([undefined]);
  });

  it('gives way in any workspace', () => {
    const store = new LocalStore(textCodec, 6 * ENTRY_BYTES);
    for (const id of ['a', 'b', 'c']) fill(store, id, undefined, 1);
    for (const id of ['d', 'e', 'f']) fill(store, id, undefined, 2);
    // With this the hand has come by all of them, and taken the first.
    fill(store, 'g', undefined, 3);
    const left = () => [1, 2, 3].map((workspace) => store.read(workspace, [...'abcdefg']).filter(recordOf).length);
    expect(store).toMatchObject({ size: 6, bytes: 6 * ENTRY_BYTES });
    expect(left()).toEqual([2, 3, 1]);
  });

  it('ends when its time is over, a living value never', () => {
    vi.useFakeTimers();
    const store = new LocalStore(textCodec, 100 * ENTRY_BYTES);
    fill(store, 'living');
    fill(store, 'dead', 1);
    store.step(1, [
      { op: 'lease', id: 'lease', token: 't', over: undefined },
      { op: 'mark', id: 'mark', token: 't' },
    ]);
    const later = (ms: number) => {
      vi.advanceTimersByTime(ms);
      return store
        .read(1, ['living', 'dead', 'lease', 'mark'])
        .map((found) => (typeof found === 'object' ? 'V' : found));
    };
    expect(later(FILL_TTL_MS - 1)).toEqual(['V', 'V', 'F', 'P']);
    expect(later(1)).toEqual(['V', 'V', undefined, 'P']);
    expect(later(MARK_TTL_MS - FILL_TTL_MS)).toEqual(['V', 'V', undefined, undefined]);
    expect(later(DEAD_VALUE_TTL_MS)).toEqual(['V', undefined, undefined, undefined]);
  });

  it('is answered as a record of its own, with the same message, and room before it that is not the message of another', () => {
    const store = new LocalStore(textCodec, 100 * ENTRY_BYTES);
    fill(store, 'a');
    fill(store, 'b');
    const [a, again, b] = store.read(1, ['a', 'a', 'b']).map(recordOf);
    expect(again).not.toBe(a);
    expect(again?.message).toBe(a?.message);
    expect(a?.message.buffer.byteLength).toBe(MESSAGE_ROOM + MESSAGE_BYTES);
    for (const record of [a, b]) {
      expect(record?.hasRoom).toBe(true);
      const { buffer, byteOffset } = record?.message ?? Buffer.alloc(0);
      new Uint8Array(buffer, byteOffset - MESSAGE_ROOM, MESSAGE_ROOM).fill(0xff);
    }
    expect(a?.message).toEqual(Buffer.alloc(MESSAGE_BYTES));
    expect(b?.message).toEqual(Buffer.alloc(MESSAGE_BYTES));
  });
});
