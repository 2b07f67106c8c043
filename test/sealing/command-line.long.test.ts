import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand, ServerProcess } from '../support/server-process.ts';

const KEY = `sk-${'c3'.repeat(20)}`;
let server: ServerProcess;

beforeAll(async () => {
  server = new ServerProcess();
  await server.address();
});
afterAll(() => server.cleanUp());

const cli = (args: readonly string[], input?: string) =>
  runCommand(args, { env: { MEMORYHUB_DATA_DIR: server.dataDir }, ...(input !== undefined && { input }) });

it('settings are set, shown, revealed, exported, imported and removed on the command line', async () => {
  expect(await cli(['settings', 'set', 'llm.temperature', '0.2', '--note', 'calmer'])).toMatchObject({ code: 0 });
  expect((await cli(['settings', 'get', 'llm.temperature'])).stdout).toBe('0.2\n');
  expect(await cli(['settings', 'set', 'openai.api_key'], `${KEY}\n`)).toMatchObject({ code: 0 });
  expect((await cli(['settings', 'get', 'openai.api_key'])).stdout).toMatch(/^\[sealed:.{12}\]\n$/);
  expect((await cli(['settings', 'reveal', 'openai.api_key'])).stdout).toBe(`${KEY}\n`);
  expect((await cli(['settings', 'history', 'llm.temperature'])).stdout).toMatch(/set +admin +calmer +0\.2/);
  const out = join(server.dataDir, 'settings.jsonl');
  expect(await cli(['settings', 'export', '--reveal', '--out', out])).toMatchObject({ code: 0 });
  expect(readFileSync(out, 'utf8')).toContain(KEY);
  expect((await cli(['settings', 'delete', 'llm.temperature'])).code).toBe(0);
  expect((await cli(['settings', 'import', out])).stdout).toBe('2 settings set, 0 as they were.\n');
  const rows = (await cli(['settings', 'list', '--json'])).stdout.trim().split('\n');
  expect(rows.map((row) => JSON.parse(row).name)).toEqual(['llm.temperature', 'openai.api_key']);
  const wrong = await cli(['settings', 'set', 'openai.api_key', 'sk-ant-wrong']);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('as a key of Anthropic does');
});

it('the sealing key is rotated on the command line, and what it sealed still opens', async () => {
  const keyring = join(server.dataDir, 'sealing.keys');
  const lines = () =>
    readFileSync(keyring, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('kek-'));
  const before = lines();
  const { code, stdout } = await cli(['keys', 'rotate-seal', '--reseal', '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ keys_wrapped: 1, rows_resealed: expect.any(Number) });
  expect(JSON.parse(stdout).rows_resealed).toBeGreaterThan(0);
  expect(lines()).toHaveLength(before.length + 1);
  expect(lines()[0]).toContain(JSON.parse(stdout).key_id);
  expect((await cli(['settings', 'reveal', 'openai.api_key'])).stdout).toBe(`${KEY}\n`);
  expect(existsSync(`${keyring}.new`)).toBe(false);
});

it('what was stored before its name was a sensitive one is sealed by a command, while the server works', async () => {
  const before = await server.connect();
  const metadata = { pin: 'planted-4711', colour: 'red' };
  const { id } = await before.memories.saveMemory({ memory: { content: 'x', metadata } });
  await before.config.setConfig({ setting: { name: 'door.pin', value: 'planted-4712' } });
  before.close();
  expect(await server.stop()).toBe(0);
  server = new ServerProcess({ MEMORYHUB_SEALED_NAMES: 'pin' }, server.dataDir);
  const hub = await server.connect();
  const get = (revealSensitive = false) =>
    hub.memories.getMemory({ target: { $case: 'id', value: id }, revealSensitive });
  // Read, so that it is in the cache in clear.
  expect((await get()).metadata).toEqual(metadata);

  const { code, stdout } = await cli(['keys', 'seal-existing', '--json']);
  expect({ code, rows: JSON.parse(stdout).rows_sealed }).toEqual({ code: 0, rows: 3 });
  const placeholder = expect.stringMatching(/^\[sealed:/);
  await expect.poll(async () => (await get()).metadata).toEqual({ pin: placeholder, colour: 'red' });
  expect((await get(true)).metadata).toEqual(metadata);
  expect((await cli(['settings', 'get', 'door.pin'])).stdout).toMatch(/^\[sealed:/);
  expect((await cli(['settings', 'reveal', 'door.pin'])).stdout).toBe('planted-4712\n');
  expect((await cli(['export'])).stdout).not.toContain('planted-');
  expect((await cli(['keys', 'seal-existing'])).stdout).toMatch(/^0 rows had secrets in clear/);
  hub.close();
});
