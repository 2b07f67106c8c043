import { beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import { type Setting, SettingSource } from '../../src/shared/gen/memoryhub/v1/config_service.ts';
import { Operation } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { collect, refusalOf, violationsOf } from '../rpc-memory/harness.ts';
import { configServer } from './harness.ts';

const OPENAI = `sk-${'a1'.repeat(20)}`;
const ANTHROPIC = `sk-ant-${'b2'.repeat(20)}`;
const PLACEHOLDER = /^\[sealed:[A-Za-z0-9_-]{12}\]$/;

const server = configServer();
type Workspace = Awaited<ReturnType<typeof server.newWorkspace>>;
let workspace: Workspace;

beforeAll(async () => {
  workspace = await server.newWorkspace('one');
});

const inForce = async (config: Workspace['admin'], name: string, userId = '') =>
  (await config.getConfig({ userId })).settings.find((setting) => setting.name === name);

describe('what is in force', () => {
  it('is the user’s, else the workspace’s, else the built-in default', async () => {
    const { admin } = workspace;
    const name = 'llm.temperature';
    expect(await inForce(admin, name, 'ada')).toMatchObject({ value: 0.7, source: SettingSource.DEFAULT, etag: '' });
    await admin.setConfig({ setting: { name, value: 1 } });
    expect(await inForce(admin, name, 'ada')).toMatchObject({ value: 1, source: SettingSource.WORKSPACE });
    await admin.setConfig({ setting: { name, value: 2, userId: 'ada' } });
    expect(await inForce(admin, name, 'ada')).toMatchObject({ value: 2, source: SettingSource.USER, userId: 'ada' });
    expect(await inForce(admin, name, 'bob')).toMatchObject({ value: 1 });
    expect(await inForce(admin, name)).toMatchObject({ value: 1 });
    await admin.deleteConfig({ name, userId: 'ada' });
    await admin.deleteConfig({ name });
    expect(await inForce(admin, name, 'ada')).toMatchObject({ value: 0.7, source: SettingSource.DEFAULT });
  });

  it('has unknown names too, as free JSON, sorted by name', async () => {
    const { admin } = await server.newWorkspace('free');
    const value = { a: [1, null, 'x'], b: { c: false } };
    await admin.setConfig({ setting: { name: 'my-own.thing', value } });
    await admin.setConfig({ setting: { name: 'my-own.nothing', value: null } });
    const names = (await admin.getConfig({})).settings.map((setting) => setting.name);
    expect(names).toEqual(names.toSorted());
    expect(await inForce(admin, 'my-own.thing')).toMatchObject({ value });
    expect(await inForce(admin, 'my-own.nothing')).toMatchObject({ value: null, source: SettingSource.WORKSPACE });
  });

  it('is kept in other processes until the generation says that it changed', async () => {
    const { admin, withKey } = await server.newWorkspace('two processes');
    const other = await withKey(Role.READER, {}, 1);
    await admin.setConfig({ setting: { name: 'x', value: 1 } });
    expect(await inForce(other, 'x')).toMatchObject({ value: 1 });
    const before = await generation();
    await admin.setConfig({ setting: { name: 'x', value: 2 } });
    expect(await generation()).toBe(before + 1);
    expect(await inForce(admin, 'x')).toMatchObject({ value: 2 });
    expect(await inForce(other, 'x')).toMatchObject({ value: 1 });
    server.service(1).invalidate();
    expect(await inForce(other, 'x')).toMatchObject({ value: 2 });
  });
});

async function generation(): Promise<number> {
  const text = "SELECT generation FROM cache_generations WHERE cache = 'configuration'";
  const { rows } = await server.database().pool.query<{ generation: number }>({ text });
  return Number(rows[0]?.generation);
}

describe('a value', () => {
  it.each([
    ['openai.api_key', 'sk-short', 'is 8 characters and not of that form'],
    ['openai.api_key', ANTHROPIC, 'begins as a key of Anthropic does'],
    ['anthropic.api_key', OPENAI, 'begins as a key of OpenAI does'],
    ['anthropic.api_key', ` ${ANTHROPIC}`, 'begins or ends with white space'],
    ['google.api_key', OPENAI, 'begins as a key of OpenAI does'],
    ['superthread.api_key', 'short', 'is 5 characters'],
    ['openai.api_key', 17, 'is not a key of the provider'],
    ['llm.provider', 'nobody', 'is not one of anthropic, azure_openai'],
    ['llm.temperature', 2.1, 'is not a number from 0 to 2'],
    ['llm.max_tokens', 1.5, 'is not a whole number from 1 to 1000000'],
    ['llm.base_url', 'ftp://x', 'is not an http:// or https:// address'],
    ['display.time_zone', 'Mars/Olympus', 'is not a name of the IANA time zone database'],
    ['x', undefined, 'is absent'],
    ['x', { a: Number.NaN }, 'has a number that is NaN'],
    ['x', 'y'.repeat(20_000), 'bytes; at most 16384 are allowed'],
  ])('of %s is refused with the reason: %#', async (name, value, reason) => {
    const refused = await refusalOf(workspace.admin.setConfig({ setting: { name, value } }));
    const [violation] = violationsOf(refused);
    expect(violation?.field).toBe('setting.value');
    expect(violation?.description).toContain(reason);
    if (typeof value === 'string') expect(refused.message).not.toContain(value.trim());
  });

  it.each(['', 'a b', '.a', 'a..b', '1', 'a'.repeat(129), 'a\0', '__proto__'])('has no name like %j', async (name) => {
    const refused = await refusalOf(workspace.admin.setConfig({ setting: { name, value: 1 } }));
    expect(violationsOf(refused)[0]?.field).toBe('setting.name');
  });

  it('is written over only as it was read when an etag says so', async () => {
    const { admin } = workspace;
    const first = await admin.setConfig({ setting: { name: 'guarded', value: 1 } });
    const second = await admin.setConfig({ setting: { name: 'guarded', value: 2 }, etag: first.etag });
    expect(
      await refusalOf(admin.setConfig({ setting: { name: 'guarded', value: 3 }, etag: first.etag })),
    ).toMatchObject({
      reason: 'ETAG_MISMATCH',
      metadata: { current_etag: second.etag },
    });
    const absent = admin.setConfig({ setting: { name: 'never', value: 3 }, etag: first.etag });
    expect((await refusalOf(absent)).reason).toBe('SETTING_NOT_FOUND');
    expect((await refusalOf(admin.deleteConfig({ name: 'guarded', etag: first.etag }))).reason).toBe('ETAG_MISMATCH');
    await admin.deleteConfig({ name: 'guarded', etag: second.etag });
    expect((await refusalOf(admin.deleteConfig({ name: 'guarded' }))).reason).toBe('SETTING_NOT_FOUND');
    await admin.deleteConfig({ name: 'guarded', allowMissing: true });
  });

  it('is only tried by validate_only', async () => {
    const { admin } = workspace;
    expect(await admin.setConfig({ setting: { name: 'tried', value: 1 }, validateOnly: true })).toMatchObject({
      value: 1,
    });
    expect(await inForce(admin, 'tried')).toBeUndefined();
  });

  it('has a history with authors and notes, newest first', async () => {
    const { admin } = workspace;
    await admin.setConfig({ setting: { name: 'told', value: 1 }, note: 'first' });
    await admin.setConfig({ setting: { name: 'told', value: 2 }, note: 'second' });
    await admin.deleteConfig({ name: 'told', note: 'third' });
    const pages = await collect(admin.listConfigHistory({ name: 'told' }));
    const entries = pages.flatMap(({ revisions }) => revisions);
    expect(entries.map(({ operation, note, setting }) => [operation, note, setting?.value, setting?.author])).toEqual([
      [Operation.DELETE, 'third', undefined, 'a 3'],
      [Operation.UPDATE, 'second', 2, 'a 3'],
      [Operation.CREATE, 'first', 1, 'a 3'],
    ]);
    expect((await refusalOf(collect(admin.listConfigHistory({ name: 'untold' })))).reason).toBe('SETTING_NOT_FOUND');
  });
});

describe('a secret', () => {
  const secret = async (config: Workspace['admin'], name = 'openai.api_key', userId = '') =>
    (await config.revealSecret({ name, userId })).value;

  it('is a placeholder everywhere, in clear when it is revealed, which is written down', async () => {
    const { admin, id } = await server.newWorkspace('secrets');
    const set = await admin.setConfig({ setting: { name: 'openai.api_key', value: OPENAI } });
    await admin.setConfig({ setting: { name: 'mail', value: { host: 'h', password: 'hunter2-planted', pin: 77001 } } });
    expect(set.value).toMatch(PLACEHOLDER);
    const shown = JSON.stringify(
      [
        await admin.getConfig({}),
        await collect(admin.listConfig({})),
        await collect(admin.exportConfig({})),
        await collect(admin.listConfigHistory({ name: 'mail' })),
        (await server.database().pool.query({ text: 'SELECT s::text FROM settings s' })).rows,
        (await server.database().pool.query({ text: 'SELECT s::text FROM setting_revisions s' })).rows,
      ],
      (_, value) => (typeof value === 'bigint' ? String(value) : value),
    );
    expect(shown).toContain('"host"');
    for (const planted of [OPENAI, 'hunter2-planted', '77001']) expect(shown).not.toContain(planted);
    expect(await secret(admin)).toBe(OPENAI);
    expect(await secret(admin, 'mail')).toEqual({ host: 'h', password: 'hunter2-planted', pin: 77001 });
    const { rows } = await server.database().pool.query<{ action: string; target: string }>({
      text: "SELECT action, target FROM audit WHERE workspace_id = $1 AND action LIKE 'Reveal%' ORDER BY id",
      values: [id],
    });
    expect(rows).toEqual([
      { action: 'RevealSecret', target: 'openai.api_key' },
      { action: 'RevealSecret', target: 'mail' },
    ]);
  });

  it('is kept when its placeholder is sent back, and there alone', async () => {
    const { admin } = await server.newWorkspace('kept');
    const { value } = await admin.setConfig({ setting: { name: 'mail', value: { password: 'p', host: 'a' } } });
    const { password } = value as { password: string };
    await admin.setConfig({ setting: { name: 'mail', value: { password, host: 'b' } } });
    expect(await secret(admin, 'mail')).toEqual({ password: 'p', host: 'b' });
    const elsewhere = admin.setConfig({ setting: { name: 'post', value: { password } } });
    expect(await refusalOf(elsewhere)).toMatchObject({
      reason: 'SEALED_VALUE_UNKNOWN',
      metadata: { field: 'setting.value' },
    });
  });

  it('is not for everybody', async () => {
    const { admin, withKey } = await server.newWorkspace('roles');
    await admin.setConfig({ setting: { name: 'openai.api_key', value: OPENAI } });
    await admin.setConfig({ setting: { name: 'openai.api_key', value: OPENAI, userId: 'ada' } });
    const writer = await withKey(Role.WRITER);
    expect((await refusalOf(secret(await withKey(Role.READER)))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(secret(writer))).reason).toBe('ROLE_DENIED');
    expect(await secret(writer, 'openai.api_key', 'ada')).toBe(OPENAI);
  });

  it('does not open in another row, and stays shut when it was tampered with', async () => {
    const { admin, id } = await server.newWorkspace('moved');
    const query = (text: string) => server.database().pool.query({ text, values: [id] });
    await admin.setConfig({ setting: { name: 'a.token', value: 'one' } });
    await admin.setConfig({ setting: { name: 'a.token', value: 'two', userId: 'ada' } });
    await query(`UPDATE settings s SET value = o.value, sealed = o.sealed FROM settings o
                  WHERE s.workspace_id = $1 AND o.workspace_id = $1 AND s.user_id <> o.user_id`);
    expect((await refusalOf(secret(admin, 'a.token'))).reason).toBe('SEALED_VALUE_UNREADABLE');
    expect((await refusalOf(collect(admin.exportConfig({ revealSensitive: true })))).reason).toBe(
      'SEALED_VALUE_UNREADABLE',
    );
    await query('UPDATE settings SET sealed = NULL WHERE workspace_id = $1');
    expect((await refusalOf(secret(admin, 'a.token'))).reason).toBe('SEALED_VALUE_UNREADABLE');
  });
});

describe('who may what', () => {
  it('readers read, writers change users’ settings, admins the workspace’s', async () => {
    const { withKey } = workspace;
    const reader = await withKey(Role.READER);
    const writer = await withKey(Role.WRITER);
    await reader.getConfig({ userId: 'ada' });
    expect((await refusalOf(reader.setConfig({ setting: { name: 'x', value: 1, userId: 'ada' } }))).reason).toBe(
      'ROLE_DENIED',
    );
    expect(await refusalOf(writer.setConfig({ setting: { name: 'x', value: 1 } }))).toMatchObject({
      reason: 'ROLE_DENIED',
      metadata: { role: 'writer', needed: 'admin' },
    });
    expect((await refusalOf(writer.deleteConfig({ name: 'x' }))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(writer.importConfig({ settings: [] }))).reason).toBe('ROLE_DENIED');
    expect((await refusalOf(collect(writer.exportConfig({})))).reason).toBe('ROLE_DENIED');
    await writer.setConfig({ setting: { name: 'x', value: 1, userId: 'ada' } });
  });

  it('a key bound to a user has that user’s, whose it is when none is named, and never another’s', async () => {
    const { admin, withKey } = await server.newWorkspace('bound');
    const ada = await withKey(Role.WRITER, { userId: 'ada' });
    const team = await withKey(Role.WRITER, { teams: ['core'] });
    await admin.setConfig({ setting: { name: 'x', value: 'bob', userId: 'bob' } });
    await admin.setConfig({ setting: { name: 'x', value: 'all' } });
    expect(await ada.setConfig({ setting: { name: 'x', value: 'ada' } })).toMatchObject({ userId: 'ada' });
    expect(await inForce(ada, 'x')).toMatchObject({ value: 'ada' });
    expect(await inForce(team, 'x')).toMatchObject({ value: 'all' });
    const seen = (await collect(ada.listConfig({}))).flatMap(({ settings }) => settings.map(({ userId }) => userId));
    expect(seen).toEqual(['', 'ada']);
    for (const key of [ada, team]) {
      const calls = [
        key.getConfig({ userId: 'bob' }),
        key.setConfig({ setting: { name: 'x', value: 1, userId: 'bob' } }),
        key.deleteConfig({ name: 'x', userId: 'bob' }),
        key.revealSecret({ name: 'x', userId: 'bob' }),
        collect(key.listConfig({ userId: 'bob' })),
        collect(key.listConfigHistory({ name: 'x', userId: 'bob' })),
      ];
      for (const call of calls) expect((await refusalOf(call)).reason).toBe('SETTING_NOT_FOUND');
    }
  });

  it('another workspace’s settings are not there', async () => {
    const other = await server.newWorkspace('other');
    await other.admin.setConfig({ setting: { name: 'theirs.token', value: 'x' } });
    expect(await inForce(workspace.admin, 'theirs.token')).toBeUndefined();
    expect((await refusalOf(workspace.admin.revealSecret({ name: 'theirs.token' }))).reason).toBe('SETTING_NOT_FOUND');
  });
});

describe('an import', () => {
  const exported = async (from: Workspace, revealSensitive: boolean): Promise<Setting[]> =>
    (await collect(from.admin.exportConfig({ revealSensitive }))).flatMap(({ settings }) => settings);

  it('brings an export with its secrets to another workspace, and is nothing new the second time', async () => {
    const from = await server.newWorkspace('from');
    const to = await server.newWorkspace('to');
    await from.admin.setConfig({ setting: { name: 'anthropic.api_key', value: ANTHROPIC, userId: 'ada' } });
    await from.admin.setConfig({ setting: { name: 'llm.model', value: 'm' } });
    const settings = await exported(from, true);
    expect(settings.find(({ name }) => name === 'anthropic.api_key')?.value).toBe(ANTHROPIC);
    expect(await to.admin.importConfig({ settings })).toEqual({ changed: 2n, unchanged: 0n });
    expect((await to.admin.revealSecret({ name: 'anthropic.api_key', userId: 'ada' })).value).toBe(ANTHROPIC);
    // A secret is sealed anew each time; whether it is the same only its key could tell.
    expect(await to.admin.importConfig({ settings })).toEqual({ changed: 1n, unchanged: 1n });
    expect(await from.admin.importConfig({ settings: await exported(from, false) })).toEqual({
      changed: 0n,
      unchanged: 2n,
    });
  });

  it('is all or nothing, and names what is wrong', async () => {
    const { admin } = await server.newWorkspace('all or nothing');
    const settings = [
      { name: 'a', value: 1 },
      { name: 'b.token', value: '[sealed:AAAAAAAAAAAA]' },
    ];
    expect(await refusalOf(admin.importConfig({ settings }))).toMatchObject({
      reason: 'SEALED_VALUE_UNKNOWN',
      metadata: { field: 'settings[1].value' },
    });
    expect(await collect(admin.listConfig({}))).toEqual([]);
    const twice = await refusalOf(admin.importConfig({ settings: [settings[0], settings[0]] as Setting[] }));
    expect(violationsOf(twice)[0]).toMatchObject({ field: 'settings[1]' });
  });
});
