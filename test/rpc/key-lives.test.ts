import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { generateApiKey, parseApiKey } from '../../src/server/security/api-key.ts';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { toRpcError } from '../../src/shared/rpc-error.ts';
import { keyServer } from './keys-harness.ts';

const server = keyServer();
/** What the contract promises for a key that has ended. */
const PROMISED_MS = 5_000;

const listing = async (credential: string) => {
  try {
    for await (const { apiKeys } of server().hub(credential).admin.listApiKeys({})) return apiKeys.length > 0;
    return true;
  } catch (error) {
    return toRpcError(error).reason;
  }
};
const reasonOf = (call: Promise<unknown>) =>
  call.then(
    () => 'answered',
    (error) => toRpcError(error).reason,
  );
const seconds = (count: number) => ({ seconds: BigInt(Math.trunc(count)), nanos: Math.round((count % 1) * 1e9) });

describe('a key that expires', () => {
  it('works until then, and is refused from then on; its open streams are ended within five seconds', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const { apiKey, credential } = await admin.createApiKey({
      apiKey: { name: 'short', role: Role.ADMIN, description: 'for a moment', ttl: seconds(1.5) },
    });
    expect(apiKey).toMatchObject({ description: 'for a moment', lastUseTime: undefined });
    const lives = Number(apiKey?.expireTime?.seconds) - Number(apiKey?.createTime?.seconds);
    expect(lives).toBeGreaterThanOrEqual(1);
    expect(lives).toBeLessThanOrEqual(2);
    const watched = server().watch(credential);
    expect(await listing(credential)).toBe(true);
    const { reason, afterMs } = await watched;
    expect(reason).toBe('CREDENTIAL_EXPIRED');
    expect(afterMs).toBeLessThan(1_500 + PROMISED_MS);
    expect(await listing(credential)).toBe('CREDENTIAL_EXPIRED');
    const wrong = `mh_${apiKey?.id}_${generateApiKey().credential.slice(20)}`;
    expect(await listing(wrong)).toBe('CREDENTIAL_INVALID');
  });

  it.each([
    ['api_key.ttl', { ttl: seconds(0) }],
    ['api_key.expire_time', { expireTime: { seconds: 1n, nanos: 0 } }],
    ['api_key.ttl', { ttl: seconds(5), expireTime: { seconds: 4_000_000_000n, nanos: 0 } }],
    ['api_key.description', { description: 'x'.repeat(257) }],
  ])('is not made with a wrong %s', async (field, fields) => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const made = admin.createApiKey({ apiKey: { name: 'x', role: Role.READER, ...fields } });
    await expect(made).rejects.toMatchObject({ reason: 'INVALID_FIELD', message: expect.stringContaining(field) });
  });
});

describe('a key that is revoked', () => {
  it('is refused everywhere, and its open streams are ended within five seconds', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const { id, credential } = await server().newKey();
    expect(await listing(credential)).toBe(true);
    const watched = server().watch(credential);
    await sleep(100);
    await admin.revokeApiKey({ id });
    const { reason, afterMs } = await watched;
    expect(reason).toBe('CREDENTIAL_INVALID');
    expect(afterMs).toBeLessThan(100 + PROMISED_MS);
    expect(await listing(credential)).toBe('CREDENTIAL_INVALID');
  });
});

describe('RotateKeys', () => {
  it('gives a new secret that works within a second, and takes the old one until the overlap is over', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const { id, credential: old } = await server().newKey({ name: 'rotated' });
    expect(await listing(old)).toBe(true);
    const { keys } = await admin.rotateKeys({ ids: [id], overlap: seconds(2) });
    const fresh = keys[0]?.credential ?? '';
    expect(parseApiKey(fresh)?.id).toBe(id);
    expect(fresh).not.toBe(old);
    expect(keys[0]?.apiKey).toMatchObject({ id, name: 'rotated' });
    expect(keys[0]?.apiKey?.rotateTime).toBeDefined();
    expect(keys[0]?.apiKey?.previousExpireTime).toBeDefined();
    await expect.poll(() => listing(fresh), { timeout: 1_000 }).toBe(true);
    expect(await listing(old)).toBe(true);
    const { reason, afterMs } = await server().watch(old);
    expect(reason).toBe('CREDENTIAL_EXPIRED');
    expect(afterMs).toBeLessThan(2_000 + PROMISED_MS);
    expect([await listing(old), await listing(fresh)]).toEqual(['CREDENTIAL_EXPIRED', true]);
  });

  it('without an overlap ends the old secret, and a second rotation the one before it', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const { id, credential: first } = await server().newKey();
    const rotate = async (overlap: number) =>
      (await admin.rotateKeys({ ids: [id], overlap: seconds(overlap) })).keys[0]?.credential ?? '';
    const second = await rotate(60);
    const third = await rotate(60);
    await sleep(400);
    expect([await listing(first), await listing(second), await listing(third)]).toEqual([
      'CREDENTIAL_INVALID',
      true,
      true,
    ]);
    const fourth = await rotate(0);
    await sleep(400);
    expect([await listing(third), await listing(fourth)]).toEqual(['CREDENTIAL_EXPIRED', true]);
  });

  it('renews a key that expires, and is all or nothing', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const good = await server().newKey({ ttlMicros: 60e6 });
    const ended = await server().newKey();
    await admin.revokeApiKey({ id: ended.id });
    const both = admin.rotateKeys({ ids: [good.id, ended.id] });
    await expect(both).rejects.toMatchObject({ reason: 'API_KEY_ENDED', metadata: { id: ended.id } });
    expect(await server().repository.findApiKey(good.id)).toMatchObject({ rotateTime: undefined, previous: undefined });
    const { keys } = await admin.rotateKeys({ ids: [good.id], ttl: seconds(86_400) });
    const key = keys[0]?.apiKey;
    expect(Number(key?.expireTime?.seconds) - Number(key?.rotateTime?.seconds)).toBeGreaterThan(86_000);
  });

  it('of a key elsewhere, or of none, is refused as one that does not exist', async () => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const two = await server().repository.createWorkspace('two', '');
    const other = await server().newKey({ workspaceId: two.id });
    const operator = await server().newKey({ workspaceId: 0, role: Role.OPERATOR as never });
    for (const id of [other.id, operator.id, '0'.repeat(16), 'x']) {
      expect(await reasonOf(admin.rotateKeys({ ids: [id] }))).toBe('API_KEY_NOT_FOUND');
    }
    const all = server().hub(operator.credential).admin;
    expect((await all.rotateKeys({ ids: [other.id, operator.id] })).keys).toHaveLength(2);
  });

  it.each([
    ['ids', { ids: [] as string[] }],
    ['ids[1]', { ids: ['a', 'a'] }],
    ['ids', { ids: Array.from({ length: 65 }, (_, n) => `${n}`) }],
    ['overlap', { ids: ['a'], overlap: seconds(30 * 86_400 + 1) }],
    ['overlap', { ids: ['a'], overlap: seconds(-1) }],
    ['ttl', { ids: ['a'], ttl: seconds(0) }],
  ])('refuses wrong %s', async (field, request) => {
    const admin = server().hub((await server().newKey()).credential).admin;
    const refused = admin.rotateKeys(request);
    await expect(refused).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      message: expect.stringMatching(new RegExp(`^${field.replace(/[[\]]/g, '\\$&')}:`)),
    });
  });
});

describe('the last use of a key', () => {
  it('is kept to the minute, written by no call, and once for many', async () => {
    const { id, credential } = await server().newKey();
    const used = async () => (await server().repository.findApiKey(id))?.lastUseTime;
    for (let call = 0; call < 3; call++) expect(await listing(credential)).toBe(true);
    expect(await used()).toBeUndefined();
    await server().uses.flush();
    const first = await used();
    expect(first).toBeGreaterThan((await server().repository.pollGenerations()).now - 10e6);
    await sleep(300);
    expect(await listing(credential)).toBe(true);
    await server().uses.flush();
    expect(await used()).toBe(first);
  });

  it('is that of the key whose secret fits, and of no other', async () => {
    const { id } = await server().newKey();
    expect(await listing(`mh_${id}_${generateApiKey().credential.slice(20)}`)).toBe('CREDENTIAL_INVALID');
    await server().uses.flush();
    expect((await server().repository.findApiKey(id))?.lastUseTime).toBeUndefined();
  });
});
