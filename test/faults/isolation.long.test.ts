import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { METHODS } from '../fuzz/support/contract.ts';
import { ATTACKS, type Attack, type Reference, SETTING, waysOf } from './support/attacks.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { readStored } from './support/history.ts';

/** In every content of the victim's. */
const SECRET = 'S3CRET';

describe('F28: nobody reaches what is not theirs', () => {
  const cluster = testCluster({ redis: true });
  const attackers = new Map<string, MemoryHub[]>();
  let real: Reference;
  let fake: Reference;

  beforeAll(async () => {
    await cluster.newWorkspace('victim');
    await cluster.newWorkspace('other');
    const victim = plainHub(
      cluster.address(0),
      await cluster.newKey({ workspace: 'victim', role: Role.WRITER, userId: 'ursula', teams: ['core'] }),
    );
    real = await fill(victim);
    fake = {
      id: randomUUID(),
      key: 'no such key',
      userId: 'eve',
      category: 'no such category',
      listToken: tampered(real.listToken),
      revisionsToken: tampered(real.revisionsToken),
      exportToken: tampered(real.exportToken),
      requestId: randomUUID(),
      etag: '123456',
      workspace: 'no-such-workspace',
      apiKeyId: 'A'.repeat(real.apiKeyId.length),
    };
    victim.close();
    const keys = {
      'a writer of another workspace': await cluster.newKey({ workspace: 'other', role: Role.WRITER }),
      'the admin of another workspace': await cluster.newKey({ workspace: 'other', role: Role.ADMIN }),
      'another user': await cluster.newKey({ workspace: 'victim', role: Role.WRITER, userId: 'bob' }),
      'another team': await cluster.newKey({ workspace: 'victim', role: Role.WRITER, teams: ['ops'] }),
      'a monitor': await cluster.newKey({ role: Role.MONITOR }),
    };
    for (const [name, key] of Object.entries(keys)) {
      attackers.set(
        name,
        cluster.addresses.map((address) => plainHub(address, key)),
      );
    }
  });
  afterAll(() => {
    for (const hub of [...attackers.values()].flat()) hub.close();
  });

  /** Memories of the victim's that are read, so that they are in the caches, and all that leads to them. */
  async function fill({ memories, config }: MemoryHub): Promise<Reference> {
    await config.setConfig({ setting: { ...SETTING, userId: 'ursula' } });
    const requestId = randomUUID();
    const memory = { key: 'the key', category: 'the category', content: `${SECRET} 1`, userId: 'ursula' };
    const { id } = await memories.saveMemory({ memory: { ...memory, scope: Scope.PERSONAL }, requestId });
    const { etag } = await memories.updateMemory({ memory: { id, content: `${SECRET} 2` } });
    for (let count = 0; count < 8; count++) {
      await memories.saveMemory({ memory: { scope: Scope.TEAM, team: 'core', content: `${SECRET} team ${count}` } });
    }
    for (let times = 0; times < 3; times++) await memories.getMemory({ target: { $case: 'id', value: id } });
    const [list] = await all(memories.listMemories({ limit: 3 }));
    const [revisions] = await all(memories.listRevisions({ memoryId: id, limit: 1 }));
    const exported = await all(memories.exportMemories({}));
    const chunk = exported.flatMap(({ event }) => (event?.$case === 'chunk' ? [event.value] : []))[0];
    const [keys] = await all(cluster.operator.admin.listApiKeys({ workspace: 'victim' }));
    return {
      id,
      key: memory.key,
      userId: 'ursula',
      category: memory.category,
      listToken: list?.nextPageToken ?? '',
      revisionsToken: revisions?.nextPageToken ?? '',
      exportToken: chunk?.resumeToken ?? '',
      requestId,
      etag,
      workspace: 'victim',
      apiKeyId: keys?.apiKeys[0]?.id ?? '',
    };
  }

  it('and every RPC of the contract is tried in every way its request has', () => {
    for (const token of [real.listToken, real.revisionsToken, real.exportToken]) expect(token).not.toBe('');
    const needed = METHODS.map((method) => [`${method.parent.name}/${method.name}`, [...waysOf(method.input)].sort()]);
    const tried = Object.entries(ATTACKS).map(([name, ways]) => [name, Object.keys(ways).sort()]);
    expect(new Map(tried as [string, string[]][])).toEqual(new Map(needed as [string, string[]][]));
  });

  const cases = Object.entries(ATTACKS).flatMap(([name, ways]) =>
    Object.entries(ways).map(([way, attack]): [string, string, Attack] => [name, way, attack]),
  );
  it.each(cases)('%s by %s answers the same for what is there and for what never was', async (name, way, attack) => {
    const before = await cluster.database(readStored);
    for (const [attacker, hubs] of attackers) {
      for (const hub of hubs) {
        const there = withoutReference(await answersOf(attack(hub, real)), real);
        const never = withoutReference(await answersOf(attack(hub, fake)), fake);
        // A workspace has one set of request ids, so that a used one is known as such; 122 random bits keep it.
        const isRequestId = way === 'request_id' && ['another user', 'another team'].includes(attacker);
        if (isRequestId) expect(there).toContain('"REQUEST_ID_REUSED"');
        // Statistics change from one call to the next.
        else if (!name.startsWith('StatsService/')) expect(there, attacker).toBe(never);
        expect(there, attacker).not.toContain(SECRET);
      }
    }
    const after = await cluster.database(readStored);
    const secrets = ({ revisions, memories }: typeof before) =>
      [...revisions, ...memories].filter(({ value }) => value.includes(SECRET));
    expect(secrets(after)).toEqual(secrets(before));
  });

  it('a save under the id of another user is refused, with nothing of theirs in the answer', async () => {
    for (const name of ['another user', 'another team']) {
      for (const hub of attackers.get(name) ?? []) {
        for (const createOnly of [false, true]) {
          const answer = await answersOf(
            hub.memories.saveMemory({ memory: { id: real.id, content: 'mine now' }, createOnly }),
          );
          expect(answer).toContain('NOT_FOUND');
          expect(answer).not.toMatch(/S3CRET|ursula|etag/);
        }
      }
    }
  });

  it('a save under the id of another workspace is a memory of its own', async () => {
    const [hub] = attackers.get('a writer of another workspace') ?? [];
    const saved = await hub?.memories.saveMemory({
      memory: { id: real.id, content: 'mine' },
      requestId: real.requestId,
    });
    expect(saved).toMatchObject({ id: real.id, revision: 1n, content: 'mine' });
    const { rows } = await cluster.database((client) =>
      client.query<{ content: string }>('SELECT content FROM memories WHERE id = $1 ORDER BY content', [real.id]),
    );
    expect(rows.map(({ content }) => content)).toEqual([`${SECRET} 2`, 'mine']);
  });
});

/** The answers as text, without what differs between any two calls. */
async function answersOf(made: unknown): Promise<string> {
  if (Array.isArray(made)) return (await Promise.all(made.map(answersOf))).join('\n');
  try {
    const answer = isStream(made) ? await all(made, 3) : await made;
    return JSON.stringify(answer, (name, value: unknown) => {
      if (/^(id|missingIds|createTime|updateTime|expireTime|startTime|at|credential)$/.test(name)) return `<${name}>`;
      if (/Token$/.test(name)) return value === '' ? '' : '<token>';
      return typeof value === 'bigint' ? `${value}` : value;
    });
  } catch (error) {
    const { codeName, reason, message, metadata } = toRpcError(error);
    return JSON.stringify({ codeName, reason, message, metadata });
  }
}

/** What the attacker said himself may come back. */
function withoutReference(answer: string, reference: Reference): string {
  const { key, userId, category } = reference;
  return [key, userId, category].reduce((text, said) => text.replaceAll(`"${said}"`, '<said>'), answer);
}

function isStream(made: unknown): made is AsyncIterable<unknown> {
  return typeof made === 'object' && made !== null && Symbol.asyncIterator in made;
}

async function all<T>(stream: AsyncIterable<T>, most = Infinity): Promise<T[]> {
  const messages: T[] = [];
  for await (const message of stream) if (messages.push(message) >= most) break;
  return messages;
}

/** Another token of the same form. */
function tampered(token: string): string {
  const at = token.length >> 1;
  return token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
}
