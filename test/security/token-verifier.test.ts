import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServiceError } from '../../src/server/domain/errors.ts';
import { CredentialRefusal, Role } from '../../src/server/domain/principal.ts';
import { Authenticator } from '../../src/server/security/authenticator.ts';
import { KeySet } from '../../src/server/security/key-set.ts';
import { TokenVerifier, type TokenVerifierOptions } from '../../src/server/security/token-verifier.ts';
import { TestIssuer } from './support/issuer.ts';

let issuer: TestIssuer;
const folder = mkdtempSync(join(tmpdir(), 'memory-hub-oidc-'));
beforeAll(async () => {
  issuer = await TestIssuer.start();
});
afterAll(async () => {
  await issuer.stop();
  rmSync(folder, { recursive: true });
});

const ROLES = new Map<string, Role>(Object.entries(Role).map(([name, role]) => [name.toLowerCase(), role]));

/** A verifier on the issuer's keys, with clocks moved by hand. */
function verifier(options: Partial<TokenVerifierOptions> = {}, source: string | undefined = issuer.keysUrl) {
  const world = { nowMs: 0, failed: 0, keysAsked: 0 };
  let tokens: TokenVerifier | undefined;
  const keys = new KeySet({
    issuer: issuer.url,
    source,
    now: () => world.nowMs,
    failed: () => {
      world.failed += 1;
    },
    changed: () => tokens?.clear(),
  });
  const startedAt = Date.now();
  const clock = { now: () => (startedAt + world.nowMs) * 1000 };
  tokens = new TokenVerifier({
    issuer: issuer.url,
    audience: ['memory-hub'],
    workspaceClaim: 'memoryhub_workspace',
    workspaces: undefined,
    roleClaim: 'memoryhub_role',
    roles: ROLES,
    userClaim: 'sub',
    teamsClaim: 'memoryhub_teams',
    clock,
    findKey: (header, token) => {
      world.keysAsked += 1;
      return keys.find(header, token);
    },
    findWorkspace: async (name) =>
      ['one', 'two'].includes(name) ? { id: name.length, name, description: '', createTime: 0 } : undefined,
    ...options,
  });
  const verified = tokens;
  const outcome = async (token: string) => {
    try {
      const { principal } = await verified.verify(token);
      const { name, role, workspace, access } = principal;
      return { name, role, workspace, access };
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      return `${error.reason} ${error.cause instanceof CredentialRefusal ? error.cause.why : ''}`.trim();
    }
  };
  return { world, keys, tokens: verified, outcome, clock };
}

describe('a token', () => {
  it.each(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'])('signed with %s tells who calls', async (alg) => {
    const other = await TestIssuer.start(alg);
    const { outcome } = verifier({ issuer: other.url }, other.keysUrl);
    expect(await outcome(await other.sign({ memoryhub_teams: ['alpha'] }))).toEqual({
      name: 'mina',
      role: Role.WRITER,
      workspace: 'one',
      access: { userId: 'mina', teams: ['alpha'] },
    });
    await other.stop();
  });

  const now = () => Math.floor(Date.now() / 1000);
  it.each([
    ['of another issuer', () => ({ iss: 'https://elsewhere.example' }), 'CREDENTIAL_INVALID issuer'],
    ['without an issuer', () => ({ iss: undefined }), 'CREDENTIAL_INVALID issuer'],
    ['for another audience', () => ({ aud: 'another' }), 'CREDENTIAL_INVALID audience'],
    ['for no audience', () => ({ aud: undefined }), 'CREDENTIAL_INVALID audience'],
    ['that has expired', () => ({ exp: now() - 1 }), 'CREDENTIAL_EXPIRED expired'],
    ['that expired long ago', () => ({ exp: 1 }), 'CREDENTIAL_EXPIRED expired'],
    ['without an end', () => ({ exp: undefined }), 'CREDENTIAL_INVALID expiry'],
    ['that is not yet valid', () => ({ nbf: now() + 60 }), 'CREDENTIAL_INVALID not yet valid'],
    ['without a subject', () => ({ sub: undefined }), 'CREDENTIAL_INVALID subject'],
    ['of an empty subject', () => ({ sub: '' }), 'CREDENTIAL_INVALID subject'],
    ['of a subject that is no line of text', () => ({ sub: 'a\nb' }), 'CREDENTIAL_INVALID subject'],
    ['without a role', () => ({ memoryhub_role: undefined }), 'CREDENTIAL_INVALID role'],
    ['of a role there is not', () => ({ memoryhub_role: 'root' }), 'CREDENTIAL_INVALID role'],
    ['of a role that is no text', () => ({ memoryhub_role: 3 }), 'CREDENTIAL_INVALID role'],
    ['without a workspace', () => ({ memoryhub_workspace: undefined }), 'CREDENTIAL_INVALID workspace'],
    ['of a workspace there is not', () => ({ memoryhub_workspace: 'three' }), 'CREDENTIAL_INVALID workspace'],
    ['of two workspaces', () => ({ memoryhub_workspace: ['one', 'two'] }), 'CREDENTIAL_INVALID workspace'],
    ['of teams that are no names', () => ({ memoryhub_teams: [' '] }), 'CREDENTIAL_INVALID teams'],
    [
      'of more teams than a key may have',
      () => ({ memoryhub_teams: Array.from({ length: 65 }, (_, n) => `t${n}`) }),
      'CREDENTIAL_INVALID teams',
    ],
  ])('%s is refused', async (_, claims, expected) => {
    expect(await verifier().outcome(await issuer.sign(claims()))).toBe(expected);
  });

  it('is taken a moment before it begins, since clocks of issuers run ahead', async () => {
    expect(await verifier().outcome(await issuer.sign({ nbf: now() + 3 }))).toMatchObject({ name: 'mina' });
  });
});

describe('a forged token', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = async () => (await issuer.sign()).split('.')[1] ?? '';

  it('without a signature is refused, whatever it calls that', async () => {
    const { outcome } = verifier();
    for (const alg of ['none', 'None', 'NONE', '']) {
      for (const signature of ['', 'AAAA']) {
        const token = `${encode({ alg, kid: issuer.keySet.keys[0]?.kid })}.${await body()}.${signature}`;
        expect(await outcome(token)).toMatch(/^CREDENTIAL_INVALID/);
      }
    }
  });

  it('signed with the public key as if it were a shared secret is refused', async () => {
    const { outcome } = verifier();
    const [key] = issuer.keySet.keys;
    const secrets = [JSON.stringify(key), key?.n ?? '', Buffer.from(key?.n ?? '', 'base64url').toString('latin1')];
    for (const [alg, digest] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const) {
      for (const secret of secrets) {
        const input = `${encode({ alg, kid: key?.kid })}.${await body()}`;
        const signature = createHmac(digest, Buffer.from(secret, 'latin1')).update(input).digest('base64url');
        expect(await outcome(`${input}.${signature}`)).toBe('CREDENTIAL_INVALID algorithm');
      }
    }
  });

  it('signed with a symmetric key that the set holds by mistake is refused', async () => {
    const path = join(folder, 'mixed.json');
    writeFileSync(
      path,
      JSON.stringify({ keys: [{ kty: 'oct', kid: 'shared', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0' }] }),
    );
    const secret = Buffer.from('c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', 'base64url');
    const token = await new SignJWT({ sub: 'x' }).setProtectedHeader({ alg: 'HS256', kid: 'shared' }).sign(secret);
    expect(await verifier({}, path).outcome(token)).toBe('CREDENTIAL_INVALID algorithm');
  });

  it('signed by another under the name of a known key, or with a key of its own in the header, is refused', async () => {
    const { outcome } = verifier();
    const { privateKey } = await generateKeyPair('RS256');
    const [key] = issuer.keySet.keys;
    const other = await TestIssuer.start();
    const claims = JSON.parse(Buffer.from(await body(), 'base64url').toString()) as Record<string, unknown>;
    const sign = (header: Record<string, unknown>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(privateKey);
    expect(await outcome(await sign({ kid: key?.kid }))).toBe('CREDENTIAL_INVALID signature');
    expect(await outcome(await sign({ kid: 'made up' }))).toBe('CREDENTIAL_INVALID key');
    expect(await outcome(await sign({ kid: key?.kid, jwk: other.keySet.keys[0] }))).toBe(
      'CREDENTIAL_INVALID signature',
    );
    expect(await outcome(await sign({ kid: key?.kid, jku: other.keysUrl }))).toBe('CREDENTIAL_INVALID signature');
    expect(other.asked).toBe(0);
    await other.stop();
  });

  it('changed in any part is refused', async () => {
    const { outcome } = verifier();
    const [header = '', , signature = ''] = (await issuer.sign()).split('.');
    const admin = encode({ ...JSON.parse(Buffer.from(await body(), 'base64url').toString()), memoryhub_role: 'admin' });
    expect(await outcome(`${header}.${admin}.${signature}`)).toBe('CREDENTIAL_INVALID signature');
    for (const token of ['a.b.c', '..', `${header}..${signature}`, `${header}.${admin}`, 'x'.repeat(9000)]) {
      expect(await outcome(token)).toMatch(/^CREDENTIAL_INVALID (malformed|signature)$/);
    }
  });
});

describe('the claims of a token', () => {
  it('may stand within others, and have values of their own', async () => {
    const { outcome } = verifier({
      roleClaim: 'realm_access.roles',
      roles: new Map<string, Role>([
        ['memory-admins', Role.ADMIN],
        ['memory-users', Role.READER],
      ]),
      workspaceClaim: 'https://example.com/tenant',
      workspaces: new Map([['t-1', 'one']]),
      userClaim: undefined,
      teamsClaim: 'groups',
    });
    const claims = { 'https://example.com/tenant': 't-1', groups: 'alpha' };
    const withRoles = (...roles: string[]) => issuer.sign({ ...claims, realm_access: { roles } });
    expect(await outcome(await withRoles('offline', 'memory-users'))).toEqual({
      name: 'mina',
      role: Role.READER,
      workspace: 'one',
      access: { userId: '', teams: ['alpha'] },
    });
    expect(await outcome(await withRoles('memory-users', 'memory-admins'))).toMatchObject({ role: Role.ADMIN });
    expect(await outcome(await withRoles('admin', 'operator'))).toBe('CREDENTIAL_INVALID role');
    const elsewhere = { realm_access: { roles: ['memory-users'] }, 'https://example.com/tenant': 'one' };
    expect(await outcome(await issuer.sign(elsewhere))).toBe('CREDENTIAL_INVALID workspace');
  });

  it('bind readers and writers wherever they are said to: none is unbound for want of a claim', async () => {
    const byTeams = verifier({ userClaim: undefined });
    expect(await byTeams.outcome(await issuer.sign())).toBe('CREDENTIAL_INVALID teams');
    expect(await byTeams.outcome(await issuer.sign({ memoryhub_teams: [] }))).toBe('CREDENTIAL_INVALID teams');
    const byUser = verifier({ userClaim: 'uid', teamsClaim: undefined });
    expect(await byUser.outcome(await issuer.sign())).toBe('CREDENTIAL_INVALID user');
    expect(await byUser.outcome(await issuer.sign({ uid: 'u7' }))).toMatchObject({
      access: { userId: 'u7', teams: [] },
    });
    const unbound = verifier({ userClaim: undefined, teamsClaim: undefined });
    expect(await unbound.outcome(await issuer.sign())).toMatchObject({ access: { userId: '', teams: [] } });
  });

  it('give monitors and operators no workspace', async () => {
    const { outcome } = verifier();
    for (const [name, role] of [
      ['monitor', Role.MONITOR],
      ['operator', Role.OPERATOR],
    ] as const) {
      expect(await outcome(await issuer.sign({ memoryhub_role: name }))).toMatchObject({ role, workspace: '' });
    }
  });
});

describe('what was verified', () => {
  it('is remembered: a repeated token costs no look at a key, whatever is polled in between', async () => {
    const { tokens, world, clock } = verifier();
    const authenticator = new Authenticator({ findApiKey: async () => undefined }, { clock, tokens });
    const bearer = `Bearer ${await issuer.sign()}`;
    const all = await Promise.all(Array.from({ length: 50 }, () => authenticator.verify(bearer)));
    expect(new Set(all.map(({ name }) => name))).toEqual(new Set(['mina']));
    for (let poll = 0; poll < 20; poll++) {
      authenticator.generationsPolled({ authentication: 0 }, performance.now());
      for (let call = 0; call < 3; call++) expect(authenticator.verify(bearer)).not.toBeInstanceOf(Promise);
    }
    expect(world.keysAsked).toBe(1);
    authenticator.generationsPolled({ authentication: 1 }, performance.now());
    await authenticator.verify(bearer);
    expect(world.keysAsked).toBe(2);
  });

  it('is bounded', async () => {
    const { tokens, world } = verifier({ maxTokens: 2 });
    const all = await Promise.all(['a', 'b', 'c'].map((sub) => issuer.sign({ sub })));
    for (const token of all) await tokens.verify(token);
    await tokens.verify(all[0] ?? '');
    expect(world.keysAsked).toBe(4);
  });

  it('ends with the token, by the clock of the database', async () => {
    const { outcome, world, tokens, clock } = verifier();
    const authenticator = new Authenticator(
      { findApiKey: async () => undefined },
      { clock, tokens, now: () => world.nowMs },
    );
    const token = await issuer.sign({ exp: Math.floor(Date.now() / 1000) + 30 });
    expect(await outcome(token)).toMatchObject({ name: 'mina' });
    expect(await authenticator.verify(`Bearer ${token}`)).toMatchObject({ name: 'mina' });
    world.nowMs = 31_000;
    expect(await outcome(token)).toBe('CREDENTIAL_EXPIRED expired');
    authenticator.generationsPolled({ authentication: 0 }, world.nowMs);
    expect(() => authenticator.verify(`Bearer ${token}`)).toThrow(/expired/);
  });
});

describe('the key set of an issuer', () => {
  it('is found by discovery, and read anew for a key that is not known yet, but not for every made-up one', async () => {
    const other = await TestIssuer.start();
    const { world } = verifier();
    const nothing = () => {};
    const now = () => world.nowMs;
    const keys = new KeySet({ issuer: other.url, source: undefined, failed: nothing, changed: nothing, now });
    const { outcome: tell } = verifier({ issuer: other.url, findKey: keys.find });
    expect(await tell(await other.sign())).toMatchObject({ name: 'mina' });
    expect(other.asked).toBe(1);
    await other.addKey('ES256');
    world.nowMs += 11_000;
    expect(await tell(await other.sign({ sub: 'new key' }))).toMatchObject({ name: 'new key' });
    expect(other.asked).toBe(2);
    for (let call = 0; call < 20; call++) {
      expect(await tell(await other.sign({ sub: `s${call}` }, { kid: `made up ${call}` }))).toBe(
        'CREDENTIAL_INVALID key',
      );
    }
    expect(other.asked).toBe(2);
    await other.stop();
  });

  it('that cannot be had leaves known keys good, for a day, and says so of the others', async () => {
    const other = await TestIssuer.start();
    const { outcome, world } = verifier({ issuer: other.url }, other.keysUrl);
    const early = await other.sign();
    expect(await outcome(early)).toMatchObject({ name: 'mina' });
    other.broken = true;
    world.nowMs += 60_000;
    const late = await other.sign({ sub: 'late', exp: Math.floor(Date.now() / 1000) + 7 * 86_400 });
    expect(await outcome(late)).toMatchObject({ name: 'late' });
    world.nowMs += 24 * 3_600_000;
    const tooLate = await other.sign({ sub: 'too late', exp: Math.floor(Date.now() / 1000) + 7 * 86_400 });
    expect(await outcome(tooLate)).toBe('ISSUER_UNAVAILABLE');
    other.broken = false;
    world.nowMs += 11_000;
    expect(await outcome(tooLate)).toMatchObject({ name: 'too late' });
    await other.stop();
  });

  it('that was never had is an outage, not a wrong token', async () => {
    const other = await TestIssuer.start();
    other.broken = true;
    const { outcome, world } = verifier({ issuer: other.url }, other.keysUrl);
    expect(await outcome(await other.sign())).toBe('ISSUER_UNAVAILABLE');
    expect(world.failed).toBe(1);
    expect(await outcome(await other.sign())).toBe('ISSUER_UNAVAILABLE');
    expect(other.asked).toBe(1);
    await other.stop();
  });

  it('in a file needs no network, and a key taken out of it opens nothing any more', async () => {
    const path = join(folder, 'keys.json');
    const other = await TestIssuer.start();
    const kid = other.keySet.keys[0]?.kid ?? '';
    writeFileSync(path, JSON.stringify(other.keySet));
    const { outcome, keys } = verifier({ issuer: other.url }, path);
    const token = await other.sign();
    await other.stop();
    expect(await outcome(token)).toMatchObject({ name: 'mina' });
    await other.addKey();
    other.removeKey(kid);
    writeFileSync(path, JSON.stringify(other.keySet));
    await keys.load();
    expect(await outcome(token)).toBe('CREDENTIAL_INVALID key');
    expect(await outcome(await other.sign())).toMatchObject({ name: 'mina' });
  });

  it.each(['', '{}', '[]', '{"keys": 3}', 'null'])('that reads %j is refused at once', async (text) => {
    const path = join(folder, 'wrong.json');
    writeFileSync(path, text);
    await expect(verifier({}, path).keys.load()).rejects.toThrow();
  });
});
