import { statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand, ServerProcess } from '../support/server-process.ts';

describe('a first start on an empty data directory', () => {
  const server = new ServerProcess();
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    await server.address();
    env = { MEMORYHUB_DATA_DIR: server.dataDir };
  });
  afterAll(() => server.cleanUp());

  it('prints JSON lines when standard output is no terminal', () => {
    const lines = server.output.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line) as object)).toContainEqual(expect.objectContaining({ msg: 'serving' }));
  });

  it('writes both keys so that only their owner can read them', () => {
    for (const name of ['admin.key', 'operator.key']) {
      expect(statSync(join(server.dataDir, name)).mode & 0o777).toBe(0o600);
    }
    expect(server.output).not.toContain(server.credential('admin'));
    expect(server.output).not.toContain(server.credential('operator'));
  });

  it('is found by the command line without being told where it is', async () => {
    const saved = await runCommand(
      ['save', 'Deploys happen Tuesdays.', '--category', 'decision', '--note', 'runbook', '--json'],
      { env },
    );
    expect(saved).toMatchObject({ code: 0, stderr: '' });
    const memory = JSON.parse(saved.stdout) as { id: string };
    expect(memory).toMatchObject({ content: 'Deploys happen Tuesdays.', scope: 'SCOPE_WORKSPACE', revision: '1' });

    const listed = await runCommand(['list'], { env });
    expect(listed.stdout).toContain(memory.id);
    expect(listed.stdout).toContain('Deploys happen Tuesdays.');
    const history = await runCommand(['history', memory.id, '--json'], { env });
    expect(JSON.parse(history.stdout)).toMatchObject({ revision: '1', author: 'admin', note: 'runbook' });
    const shown = await runCommand(['get', memory.id], { env });
    expect(shown.stdout).toContain('Deploys happen Tuesdays.');
  });

  it('saves what standard input holds, byte for byte', async () => {
    const content = 'zwei\nZeilen\t안녕 🙂 e\u0301\n';
    const saved = await runCommand(['save', '--json', '--key', 'stdin'], { env, input: content });
    expect(JSON.parse(saved.stdout)).toMatchObject({ content, key: 'stdin' });
  });

  it('saves what the command line says, whatever it looks like', async () => {
    for (const text of ['- buy milk', '-5 degrees', '"quoted"', '--json', '12', '1e3', "'", '{"a": 1}', '-']) {
      const args = ['save', '--json', '--category', '"odd"', '--note="why"', '--', text];
      const { code, stdout } = await runCommand(args, { env, input: 'from standard input' });
      expect({ text, code }).toEqual({ text, code: 0 });
      const memory = JSON.parse(stdout) as { id: string };
      expect(memory).toMatchObject({ content: text === '-' ? 'from standard input' : text, category: '"odd"' });
      const history = await runCommand(['history', memory.id, '--json'], { env });
      expect(JSON.parse(history.stdout)).toMatchObject({ note: '"why"' });
    }
    const plain = await runCommand(['save', '- buy milk', '--json'], { env });
    expect(JSON.parse(plain.stdout)).toMatchObject({ content: '- buy milk' });
  });

  it('lists 20 and says that there are more, or all of them', async () => {
    const hub = await server.connect();
    await hub.memories.batchSaveMemories({
      memories: Array.from({ length: 30 }, (_, i) => ({ content: `memory ${i}`, category: 'many' })),
    });
    const some = await runCommand(['list', 'category = "many"', '--json'], { env });
    expect(some.stdout.trim().split('\n')).toHaveLength(20);
    expect(some.stderr).toContain('There are more');
    const all = await runCommand(['list', 'category = "many"', '--all', '--json'], { env });
    expect(all.stdout.trim().split('\n')).toHaveLength(30);
    hub.close();
  });

  it('makes, lists and revokes keys', async () => {
    const made = await runCommand(['keys', 'create', 'svc', '--role', 'reader', '--team', 'alpha', '--json'], { env });
    const key = JSON.parse(made.stdout) as { id: string; credential: string };
    expect(key.credential).toMatch(/^mh_/);
    const listed = await runCommand(['keys', 'list'], { env });
    expect(listed.stdout).toContain(key.id);
    expect(listed.stdout).not.toContain(key.credential);
    const rotated = await runCommand(['keys', 'rotate', key.id, '--overlap', '1h', '--expires', '90d', '--json'], {
      env,
    });
    const fresh = JSON.parse(rotated.stdout) as { id: string; credential: string; expire_time: string };
    expect(fresh.id).toBe(key.id);
    expect(Date.parse(fresh.expire_time)).toBeGreaterThan(Date.now() + 89 * 86_400_000);
    expect((await runCommand(['keys', 'revoke', key.id], { env })).stdout).toContain('is revoked');
    const refused = await runCommand(['list'], { env: { ...env, MEMORYHUB_API_KEY: key.credential } });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('MEMORYHUB_API_KEY');
  });

  it('is shown by status, and no secret is', async () => {
    const status = await runCommand(['status', '--json'], { env });
    expect(JSON.parse(status.stdout)).toMatchObject({
      server: { pid: server.child.pid, address: await server.address() },
      postgres: { answers: true },
    });
  });

  it('drains on SIGTERM, stops what it started, and starts again warm with everything there', async () => {
    expect(await server.stop()).toBe(0);
    const stopped = await runCommand(['status'], { env });
    expect(stopped.stdout).toMatch(/server +not running\npostgres +not running/);

    const again = new ServerProcess({}, server.dataDir);
    const hub = await again.connect();
    const memory = await hub.memories.getMemory({ target: { $case: 'key', value: { key: 'stdin' } } });
    expect(memory.content).toContain('안녕');
    hub.close();
    expect(again.output).not.toContain('wrote ');
    expect(await again.stop('SIGINT')).toBe(0);
  });
});
