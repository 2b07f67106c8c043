import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { CutProxy } from '../repository/support/cut-proxy.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runCommand, ServerProcess } from '../support/server-process.ts';

/** What containers and process supervisors ask. */
describe('status --check', () => {
  let database: TestDatabase;
  let cable: CutProxy;
  let server: ServerProcess;
  const check = () => runCommand(['status', '--check'], { env: { MEMORYHUB_DATA_DIR: server.dataDir } });

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.url);
    cable = await CutProxy.open({ host: url.hostname, port: Number(url.port) });
    url.port = String(cable.port);
    server = new ServerProcess({ DATABASE_URL: url.toString() });
    await server.address();
  });
  afterAll(async () => {
    await server.cleanUp();
    await cable.close();
    await database.drop();
  });

  it('succeeds while the server serves', async () => {
    expect(await check()).toMatchObject({ code: 0, stdout: expect.stringContaining('SERVING') as string });
  });

  it('fails while the server does not answer', async () => {
    server.child.kill('SIGSTOP');
    const result = await check().finally(() => server.child.kill('SIGCONT'));
    expect(result).toMatchObject({ code: 1, stderr: 'the server does not serve: its health is no answer\n' });
  });

  it('fails while the database is away, and succeeds when it is back', async () => {
    const becomes = (expected: object) =>
      vi.waitFor(async () => expect(await check()).toMatchObject(expected), { timeout: 15_000, interval: 200 });
    cable.cutAtNextAnswer();
    await becomes({ code: 1, stderr: 'the server does not serve: its health is NOT_SERVING\n' });
    cable.mend();
    await becomes({ code: 0, stderr: '' });
  });

  it('fails when no server runs, which status alone tells by a code of its own', async () => {
    const env = { MEMORYHUB_DATA_DIR: server.dataDir };
    expect(await runCommand(['status'], { env })).toMatchObject({ code: 0 });
    await server.stop();
    expect(await runCommand(['status'], { env })).toMatchObject({ code: 3, stderr: '' });
    expect(await runCommand(['status', '--json'], { env })).toMatchObject({ code: 3 });
    expect(await check()).toMatchObject({ code: 1, stderr: 'no server runs on this data directory\n' });
  });
});
