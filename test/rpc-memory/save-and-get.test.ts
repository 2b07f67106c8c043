import { randomUUID } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Scope, View } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { fieldsOf, memoryServer, refusalOf, saveRaw, type TestWorkspace, violationsOf } from './harness.ts';

const server = memoryServer();
let space: TestWorkspace;

beforeAll(async () => {
  space = await server().newWorkspace();
});
afterEach(() => {
  expect(server().faults).toEqual([]);
});

describe('SaveMemory', () => {
  it('takes content alone, and answers with the whole memory', async () => {
    const saved = await space.memories.saveMemory({ memory: { content: 'tea, not coffee' } });
    expect(saved).toMatchObject({
      content: 'tea, not coffee',
      scope: Scope.WORKSPACE,
      revision: 1n,
      author: 'tester',
      expireTime: undefined,
    });
    expect(saved.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(saved.createTime).toEqual(saved.updateTime);
    expect(await space.memories.getMemory({ target: { $case: 'id', value: saved.id } })).toEqual(saved);
  });

  it('keeps every byte of text and metadata, the odd ones too', async () => {
    const content = '\ufeff=1+1\r\n"\u0001"\u202eabc 🦉 e\u0301 é \u{10ffff}';
    const metadata = JSON.parse('{"__proto__":{"x":1},"":[null,true,-0.5,1e300,"é"],"deep":{"a":{"b":[]}}}');
    const { id } = await space.memories.saveMemory({ memory: { content, metadata, tags: ['é', 'e\u0301', 'É'] } });
    const read = await space.memories.getMemory({ target: { $case: 'id', value: id } });
    expect(read.content).toBe(content);
    expect(read.tags).toEqual(['é', 'e\u0301', 'É']);
    const sorted = (value: object) => Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    expect(JSON.stringify(sorted(read.metadata ?? {}))).toBe(JSON.stringify(sorted(metadata)));
  });

  it('says the change number in x-memoryhub-revision', async () => {
    const own = await server().newWorkspace();
    const credential = await own.credential();
    for (const revision of ['1', '2']) {
      const { saved, headers } = await saveRaw(server(), credential, 'x');
      expect(headers.get('x-memoryhub-revision')).toEqual([revision]);
      expect(saved.etag).toBe(revision);
    }
  });

  it('gives the memory of a key the same id each time, and finds it by the key', async () => {
    const key = 'user:42:language';
    const first = await space.memories.saveMemory({ memory: { key, content: 'Korean', userId: 'u42' } });
    const second = await space.memories.saveMemory({ memory: { key, content: 'English', userId: 'u42' } });
    expect(first.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8/);
    expect(second).toMatchObject({ id: first.id, revision: 2n, scope: Scope.PERSONAL, userId: 'u42' });
    const target = { $case: 'key', value: { key, userId: 'u42' } } as const;
    expect(await space.memories.getMemory({ target })).toEqual(second);
    const others = [{ key }, { key, userId: 'u43' }, { key, scope: Scope.TEAM, team: 'u42' }];
    for (const value of others) {
      const error = await refusalOf(space.memories.getMemory({ target: { $case: 'key', value } }));
      expect(error.reason).toBe('MEMORY_NOT_FOUND');
    }
  });

  it('refuses an id that is not that of the key, and takes it when it is', async () => {
    const key = 'both';
    const { id } = await space.memories.saveMemory({ memory: { key, content: 'x' } });
    expect((await space.memories.saveMemory({ memory: { id: id.toUpperCase(), key, content: 'y' } })).revision).toBe(
      2n,
    );
    const error = await refusalOf(space.memories.saveMemory({ memory: { id: randomUUID(), key, content: 'z' } }));
    expect(fieldsOf(error)).toEqual(['memory.id']);
  });

  it('refuses everything that is wrong at once, naming fields, limits and values but no text', async () => {
    const secret = 'sesame';
    const error = await refusalOf(
      space.memories.saveMemory({
        memory: {
          id: secret,
          key: 'k'.repeat(513),
          scope: 9 as Scope,
          userId: ` ${secret}`,
          category: `${secret}\n`,
          content: `${secret}\0`,
          tags: [secret, secret, ''],
          metadata: { [secret]: Number.NaN },
          etag: secret,
          ttl: { seconds: 0n, nanos: 0 },
          expireTime: { seconds: 1n, nanos: 0 },
        },
        note: 'n'.repeat(257),
        requestId: secret,
      }),
    );
    expect(error).toMatchObject({ codeName: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD' });
    expect(new Set(fieldsOf(error))).toEqual(
      new Set([
        ...['id', 'key', 'scope', 'user_id', 'category', 'content', 'tags[1]', 'tags[2]', 'metadata', 'etag'].map(
          (name) => `memory.${name}`,
        ),
        'memory.ttl',
        'memory.expire_time',
        'note',
        'request_id',
      ]),
    );
    expect(JSON.stringify([error.message, violationsOf(error)])).not.toContain(secret);
    expect(violationsOf(error).find(({ field }) => field === 'note')?.description).toBe(
      'is 257 bytes; at most 256 are allowed',
    );
  });

  it('takes content of exactly the limit and not one byte more', async () => {
    const content = `${'é'.repeat(131_071)}xy`;
    const saved = await space.memories.saveMemory({ memory: { content } });
    expect(saved.content).toBe(content);
    const error = await refusalOf(space.memories.saveMemory({ memory: { content: `${content}z` } }));
    expect(violationsOf(error)).toEqual([
      { field: 'memory.content', description: 'is 262145 bytes; at most 262144 are allowed' },
    ]);
    expect(fieldsOf(await refusalOf(space.memories.saveMemory({ memory: {} })))).toEqual(['memory.content']);
    expect(fieldsOf(await refusalOf(space.memories.saveMemory({})))).toEqual(['memory']);
  });

  it('counts a ttl from the write, to the microsecond, and keeps an expire_time', async () => {
    const saved = await space.memories.saveMemory({ memory: { content: 'x', ttl: { seconds: 60n, nanos: 5000 } } });
    const micros = (time: { seconds: bigint; nanos: number } | undefined) =>
      Number(time?.seconds) * 1e6 + (time?.nanos ?? 0) / 1e3;
    expect(micros(saved.expireTime) - micros(saved.updateTime)).toBe(60_000_005);
    const expireTime = { seconds: BigInt(Math.floor(Date.now() / 1000)) + 100n, nanos: 123_456_789 };
    const kept = await space.memories.saveMemory({ memory: { content: 'x', expireTime } });
    expect(kept.expireTime).toEqual({ ...expireTime, nanos: 123_456_000 });
  });

  it('wants no living memory there when create_only is asked for', async () => {
    const memory = { key: 'once', content: 'x' };
    const { id } = await space.memories.saveMemory({ memory, createOnly: true });
    const error = await refusalOf(space.memories.saveMemory({ memory, createOnly: true }));
    expect(error).toMatchObject({ codeName: 'ALREADY_EXISTS', reason: 'MEMORY_EXISTS' });
    await space.memories.deleteMemory({ id });
    expect(await space.memories.saveMemory({ memory, createOnly: true })).toMatchObject({ id, revision: 3n });
  });

  it('is NOT_FOUND with an etag of what is not there', async () => {
    const { id, etag } = await space.memories.saveMemory({ memory: { content: 'a' } });
    await space.memories.deleteMemory({ id });
    for (const memory of [{ id }, { id: randomUUID() }, { key: 'never' }]) {
      const error = await refusalOf(space.memories.saveMemory({ memory: { ...memory, content: 'b', etag } }));
      expect(error.reason).toBe('MEMORY_NOT_FOUND');
    }
  });

  it('keeps metadata as they will be read, without -0', async () => {
    const { id, metadata } = await space.memories.saveMemory({ memory: { content: 'a', metadata: { n: -0 } } });
    expect(metadata).toStrictEqual({ n: 0 });
    expect(await space.memories.getMemory({ target: { $case: 'id', value: id } })).toMatchObject({ metadata });
  });

  it('goes through only with the current etag, and names it otherwise', async () => {
    const { id, etag } = await space.memories.saveMemory({ memory: { content: 'a' } });
    const second = await space.memories.saveMemory({ memory: { id, content: 'b', etag } });
    const error = await refusalOf(space.memories.saveMemory({ memory: { id, content: 'c', etag } }));
    expect(error).toMatchObject({
      codeName: 'ABORTED',
      reason: 'ETAG_MISMATCH',
      metadata: { current_etag: second.etag, field: 'memory.etag' },
    });
  });

  it('answers a retry as the first time, and refuses another request under its id', async () => {
    const requestId = randomUUID();
    const memory = { content: 'once', metadata: { a: 1, b: 2 } };
    const first = await space.memories.saveMemory({ memory, requestId });
    const again = await space.memories.saveMemory({
      memory: { content: 'once', metadata: { b: 2, a: 1 } },
      requestId: requestId.toUpperCase(),
    });
    expect(again).toEqual(first);
    const error = await refusalOf(space.memories.saveMemory({ memory: { content: 'twice' }, requestId }));
    expect(error.reason).toBe('REQUEST_ID_REUSED');
    expect(fieldsOf(error)).toEqual(['request_id']);
    const bound = await space.withKey({ userId: 'someone' });
    expect((await refusalOf(bound.saveMemory({ memory, requestId }))).reason).toBe('REQUEST_ID_REUSED');
  });

  it('answers a retry as the first time also when its expire_time has passed meanwhile, and only a retry', async () => {
    const at = Date.now() + 2000;
    const expireTime = { seconds: BigInt(Math.floor(at / 1000)), nanos: (at % 1000) * 1_000_000 };
    const [requestId, other] = [randomUUID(), randomUUID()];
    const memory = { key: 'brief', content: 'soon gone', expireTime };
    const first = await space.memories.saveMemory({ memory, requestId });
    const batch = await space.memories.batchSaveMemories({
      memories: [{ content: 'x', expireTime }],
      requestId: other,
    });
    await new Promise((resolve) => setTimeout(resolve, at - Date.now() + 200));
    expect(await space.memories.saveMemory({ memory, requestId })).toEqual(first);
    const again = { memories: [{ content: 'x', expireTime }], requestId: other };
    expect(await space.memories.batchSaveMemories(again)).toEqual({ ...batch, replayed: true });
    const late = [
      { memory },
      { memory, requestId: randomUUID() },
      { memory: { ...memory, content: 'changed' }, requestId },
      { memory: { ...memory, category: 'x'.repeat(200) }, requestId },
    ];
    for (const request of late) {
      const error = await refusalOf(space.memories.saveMemory(request));
      expect(fieldsOf(error)).toContain('memory.expire_time');
    }
    // None of them was written: the next one begins a new life.
    expect((await space.memories.saveMemory({ memory: { key: 'brief', content: 'new' } })).revision).toBe(2n);
  });

  it('writes nothing when it is only to validate', async () => {
    const memory = { key: 'dry', content: 'x' };
    const answer = await space.memories.saveMemory({ memory, validateOnly: true });
    expect(answer).toMatchObject({ content: 'x', revision: 1n });
    const target = { $case: 'id', value: answer.id } as const;
    expect((await refusalOf(space.memories.getMemory({ target }))).reason).toBe('MEMORY_NOT_FOUND');
  });

  it('says that scope, owner and key are fixed', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'x', scope: Scope.TEAM, team: 'a' } });
    const error = await refusalOf(
      space.memories.saveMemory({ memory: { id, content: 'x', scope: Scope.TEAM, team: 'b' } }),
    );
    expect(error).toMatchObject({ reason: 'OWNER_FIXED', metadata: { field: 'memory.team' } });
  });
});

describe('GetMemory', () => {
  it('leaves content and metadata out of VIEW_BASIC, and nothing else', async () => {
    const saved = await space.memories.saveMemory({
      memory: {
        content: 'x'.repeat(200),
        metadata: { a: 1 },
        tags: ['t'],
        category: 'c',
        userId: 'u',
        ttl: { seconds: 1000n, nanos: 0 },
      },
    });
    const basic = await space.memories.getMemory({ target: { $case: 'id', value: saved.id }, view: View.BASIC });
    expect(basic).toEqual({ ...saved, content: '', metadata: undefined });
  });

  it('shows a deleted memory only when asked, and an expired one never', async () => {
    const { id } = await space.memories.saveMemory({ memory: { content: 'x' } });
    await space.memories.deleteMemory({ id });
    const target = { $case: 'id', value: id } as const;
    expect((await refusalOf(space.memories.getMemory({ target }))).reason).toBe('MEMORY_NOT_FOUND');
    expect((await space.memories.getMemory({ target, showDeleted: true })).deleteTime).toBeDefined();

    const brief = await space.memories.saveMemory({ memory: { content: 'x', ttl: { seconds: 1n, nanos: 0 } } });
    const expired = { $case: 'id', value: brief.id } as const;
    expect((await space.memories.getMemory({ target: expired })).id).toBe(brief.id);
    await new Promise((resolve) => setTimeout(resolve, 1050));
    for (const showDeleted of [false, true]) {
      const error = await refusalOf(space.memories.getMemory({ target: expired, showDeleted }));
      expect(error.reason).toBe('MEMORY_NOT_FOUND');
    }
  });

  it('refuses a target that is none, and numbers the contract does not define', async () => {
    expect(fieldsOf(await refusalOf(space.memories.getMemory({})))).toEqual(['id']);
    const error = await refusalOf(
      space.memories.getMemory({ target: { $case: 'id', value: 'x' }, view: 3 as View, consistency: -1 as never }),
    );
    expect(fieldsOf(error)).toEqual(['view', 'consistency', 'id']);
    const key = { $case: 'key', value: { key: '' } } as const;
    expect(fieldsOf(await refusalOf(space.memories.getMemory({ target: key })))).toEqual(['key.key']);
  });
});
