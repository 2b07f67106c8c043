import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BadRequest } from '../../src/shared/gen/google/rpc/error_details.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { type RpcError, toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { isSound } from './support/judge.ts';

type Save = Parameters<MemoryHub['memories']['saveMemory']>[0];

/** `field` of a save with a value at a limit: of so many bytes, or so many of something. */
const AT_LIMIT: readonly [field: string, limit: number, save: (size: number) => Save][] = [
  ['memory.content', LIMITS.contentBytes.max, (size) => ({ memory: { content: bytes(size) } })],
  ['memory.key', LIMITS.keyBytes.max, (size) => ({ memory: { content: 'x', key: bytes(size) } })],
  ['memory.user_id', LIMITS.identifierBytes.max, (size) => ({ memory: { content: 'x', userId: bytes(size) } })],
  ['memory.category', LIMITS.identifierBytes.max, (size) => ({ memory: { content: 'x', category: bytes(size) } })],
  ['memory.tags[0]', LIMITS.tagBytes.max, (size) => ({ memory: { content: 'x', tags: [bytes(size)] } })],
  [
    'memory.tags',
    LIMITS.tags.max,
    (size) => ({ memory: { content: 'x', tags: Array.from({ length: size }, (_, index) => `${index}`) } }),
  ],
  // {"a":"..."} has eight bytes beside the text.
  [
    'memory.metadata',
    LIMITS.metadataBytes.max,
    (size) => ({ memory: { content: 'x', metadata: { a: bytes(size - 8) } } }),
  ],
  ['note', LIMITS.noteBytes.max, (size) => ({ memory: { content: 'x' }, note: bytes(size) })],
];

/** Exactly so many bytes of UTF-8, some of them in characters of two, three and four. */
function bytes(size: number): string {
  const text = 'äあ🙂'.repeat(Math.floor(size / 9));
  return text + 'x'.repeat(size - Buffer.byteLength(text));
}

describe('F18 and F30: what is sent over a real connection', () => {
  const cluster = testCluster();
  let hub: MemoryHub;
  beforeAll(() => {
    hub = plainHub(cluster.address(0), cluster.server(0).credential('admin'));
  });
  afterAll(() => {
    hub?.close();
    for (const server of cluster.servers) isSound(server);
  });

  const refusal = async (call: Promise<unknown>): Promise<RpcError> =>
    toRpcError(
      await call.then(
        () => Promise.reject(new Error('it was taken')),
        (error: unknown) => error,
      ),
    );
  const fieldsOf = ({ details }: RpcError): string[] =>
    details
      .filter(({ typeUrl }) => typeUrl.endsWith('BadRequest'))
      .flatMap(({ value }) => BadRequest.decode(value).fieldViolations.map(({ field }) => field));

  it.each(AT_LIMIT)(
    '%s is taken one below and at its limit of %i, kept as it is, and refused one above',
    async (field, limit, save) => {
      for (const size of [limit - 1, limit]) {
        const request = save(size);
        const saved = await hub.memories.saveMemory(request);
        const read = await hub.memories.getMemory({ target: { $case: 'id', value: saved.id } });
        expect(read).toMatchObject(request.memory ?? {});
      }
      const error = await refusal(hub.memories.saveMemory(save(limit + 1)));
      expect(error).toMatchObject({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
      expect(fieldsOf(error)).toEqual([field]);
      expect(error.message.length + JSON.stringify(error.metadata).length).toBeLessThan(2_000);
    },
  );

  it('a batch of 1000 is taken, of 1001 and of none refused', async () => {
    const memories = Array.from({ length: LIMITS.batchItems.max + 1 }, (_, index) => ({ content: `${index}` }));
    const saved = await hub.memories.batchSaveMemories({ memories: memories.slice(1) });
    expect(saved.memories).toHaveLength(1000);
    for (const wrong of [memories, []]) {
      const error = await refusal(hub.memories.batchSaveMemories({ memories: wrong }));
      expect(error.reason).toBe('INVALID_FIELD');
      expect(fieldsOf(error)).toEqual(['memories']);
    }
  });

  it('a batch whose message is over the limit is refused by its size, and its memories go in two', async () => {
    const memories = Array.from({ length: 17 }, () => ({ id: randomUUID(), content: bytes(LIMITS.contentBytes.max) }));
    expect((await refusal(hub.memories.batchSaveMemories({ memories }))).reason).toBe('MESSAGE_TOO_LARGE');
    await hub.memories.batchSaveMemories({ memories: memories.slice(0, 15) });
    await hub.memories.batchSaveMemories({ memories: memories.slice(15) });
    const ids = memories.map(({ id }) => id);
    // Read back as the contract says: what does not fit is named, and asked for again.
    const found = new Set<string>();
    for (let remaining: string[] = ids; remaining.length > 0; ) {
      const answer = await hub.memories.batchGetMemories({ ids: remaining });
      for (const { id, content } of answer.memories) {
        expect(Buffer.byteLength(content)).toBe(LIMITS.contentBytes.max);
        found.add(id);
      }
      expect(answer.memories.length).toBeGreaterThan(0);
      remaining = answer.remainingIds;
    }
    expect([...found]).toEqual(ids);
  });

  const TEXTS: readonly (readonly [string, string])[] = [
    ['composed and decomposed letters', '\u00e9|e\u0301|\u1112\u1161\u11ab|\ud55c'],
    ['right to left, marks and overrides', '\u202eabc\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627'],
    ['emoji of many code points', '👩‍👩‍👧‍👦🏴󠁧󠁢󠁳󠁣󠁴󠁿🇨🇭'],
    ['letters whose case has twins', 'İıſKΣσς'],
    ['byte order mark, replacement and non-characters', '\ufeff\ufffd\ufffe\u{1ffff}'],
    ['what databases and shells are cut by', `'"\\%_;--$1\${x}\`\r\n\t<!--`],
    ['names that objects have already', '__proto__ constructor toString'],
  ];
  it.each(TEXTS)('%s come back byte for byte, by every way to read them', async (_name, content) => {
    const key = content.replaceAll(/\p{Cc}/gu, '').trim();
    const metadata = { [key]: content, list: [content] };
    const { id } = await hub.memories.saveMemory({ memory: { content, key, tags: [key], metadata } });
    const expected = { id, content, key, tags: [key], metadata };
    const other = plainHub(cluster.address(1), cluster.server(0).credential('admin'));
    for (const reader of [hub, other]) {
      expect(await reader.memories.getMemory({ target: { $case: 'id', value: id } })).toMatchObject(expected);
      const target = { $case: 'key' as const, value: { key } };
      expect(await reader.memories.getMemory({ target })).toMatchObject(expected);
      const filter = `tags:${JSON.stringify(key)} AND content = ${JSON.stringify(content)}`;
      const listed = [];
      for await (const { memories } of reader.memories.listMemories({ filter })) listed.push(...memories);
      expect(listed).toHaveLength(1);
      expect(listed[0]).toMatchObject(expected);
    }
    other.close();
  });

  it('keys that only look the same are of different memories', async () => {
    const keys = ['caf\u00e9', 'cafe\u0301', 'CAFÉ', 'café\u200b'];
    const ids = new Set<string>();
    for (const key of keys) ids.add((await hub.memories.saveMemory({ memory: { key, content: key } })).id);
    expect(ids.size).toBe(keys.length);
  });

  it('NUL is refused by the name of its field, wherever it is', async () => {
    const saves: [string, Save][] = [
      ['memory.content', { memory: { content: 'a\0b' } }],
      ['memory.key', { memory: { content: 'x', key: 'a\0b' } }],
      ['memory.category', { memory: { content: 'x', category: '\0' } }],
      ['memory.tags[1]', { memory: { content: 'x', tags: ['ok', '\0'] } }],
      ['memory.metadata', { memory: { content: 'x', metadata: { deep: [{ a: '\0' }] } } }],
      ['note', { memory: { content: 'x' }, note: '\0' }],
    ];
    for (const [field, save] of saves) {
      const error = await refusal(hub.memories.saveMemory(save));
      expect(error.reason).toBe('INVALID_FIELD');
      expect(fieldsOf(error)[0]).toMatch(new RegExp(`^${field.replaceAll(/[[\].]/g, '\\$&')}`));
    }
  });
});
