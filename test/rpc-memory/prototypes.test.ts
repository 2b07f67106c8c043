import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/server/domain/memory.ts';
import { ExportFormat } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { collect, memoryServer } from './harness.ts';

const server = memoryServer();

/** Names every object answers to, with and without secrets under them. The server runs in this process. */
const NAMED = JSON.parse(`{
  "__proto__": {"polluted": true, "api_key": "hush 1"},
  "constructor": {"prototype": {"polluted": true, "password": "hush 2"}},
  "toString": "polluted",
  "hasOwnProperty": [{"__proto__": {"token": "hush 3"}}],
  "deep": {"__proto__": {"__proto__": {"polluted": "yes"}}, "token": {"__proto__": "hush 4"}}
}`) as JsonObject;

describe('names that objects have already', () => {
  const before = Object.getOwnPropertyNames(Object.prototype).toSorted();
  let memories: Awaited<ReturnType<ReturnType<typeof server>['newWorkspace']>>['memories'];
  let id: string;
  beforeAll(async () => {
    ({ memories } = await server().newWorkspace());
    ({ id } = await memories.saveMemory({ memory: { content: 'x', metadata: NAMED } }));
  });
  afterAll(() => {
    expect(server().faults).toEqual([]);
  });

  const get = (revealSensitive: boolean) => memories.getMemory({ target: { $case: 'id', value: id }, revealSensitive });
  /** As text: equality of objects may pass prototypes over. */
  const text = (metadata: unknown) => JSON.stringify(metadata);
  const hidden = (json: string) => json.replace(/\[sealed:[^\]]+\]/g, '[sealed]');
  const SHOWN = text(
    JSON.parse(`{
      "__proto__": {"polluted": true, "api_key": "[sealed]"},
      "constructor": {"prototype": {"polluted": true, "password": "[sealed]"}},
      "toString": "polluted",
      "hasOwnProperty": [{"__proto__": {"token": "[sealed]"}}],
      "deep": {"__proto__": {"__proto__": {"polluted": "yes"}}, "token": "[sealed]"}
    }`),
  );
  const sorted = (json: string) => [...json].sort().join('');

  it('are ordinary names of metadata, sealed and opened like others', async () => {
    const shown = hidden(text((await get(false)).metadata));
    expect(sorted(shown)).toBe(sorted(SHOWN));
    expect(shown).not.toContain('hush');
    expect(sorted(text((await get(true)).metadata))).toBe(sorted(text(NAMED)));
  });

  it('are exported, listed and kept in histories as they are', async () => {
    await memories.updateMemory({ memory: { id, content: 'y' } });
    const events = await collect(memories.exportMemories({ format: ExportFormat.JSONL, revealSensitive: true }));
    const [line = ''] = events.flatMap(({ event }) => (event?.$case === 'chunk' ? [event.value.data.toString()] : []));
    expect(sorted(text(JSON.parse(line).metadata))).toBe(sorted(text(NAMED)));
    const listed = (await collect(memories.listMemories({ view: 2 }))).flatMap((page) => page.memories);
    const revision = (await memories.getRevision({ memoryId: id, revision: 1n })).memory;
    for (const memory of [listed[0], revision]) expect(sorted(hidden(text(memory?.metadata)))).toBe(sorted(SHOWN));
  });

  it('are found by filters only where a memory has them', async () => {
    const found = async (filter: string) =>
      (await collect(memories.listMemories({ filter }))).flatMap((page) => page.memories).length;
    await memories.saveMemory({ memory: { content: 'without', metadata: { other: 1 } } });
    expect(await found('metadata.__proto__.polluted = true')).toBe(1);
    expect(await found('metadata.constructor.prototype.polluted = true')).toBe(1);
    expect(await found('metadata.toString:*')).toBe(1);
    expect(await found('metadata.valueOf:*')).toBe(0);
    expect(await found('metadata.other.__proto__:*')).toBe(0);
  });

  it('leave the objects of the process as they were', async () => {
    await memories.updateMemory({ memory: { id, metadata: NAMED }, updateMask: ['metadata'] });
    expect(Object.getOwnPropertyNames(Object.prototype).toSorted()).toEqual(before);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect((Object as unknown as Record<string, unknown>).polluted).toBeUndefined();
  });
});
