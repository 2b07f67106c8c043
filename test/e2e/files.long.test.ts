import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runCommand, ServerProcess, temporaryFolder } from '../support/server-process.ts';

/** Names by which somebody else's server, or a memory in it, might want to be written elsewhere. */
const PATHS = ['../../evil', '/tmp/evil', '..\\evil', '~/evil', 'C:evil', 'a/../../evil'];

let server: ServerProcess;
const outer = temporaryFolder();
const inner = join(outer, 'a', 'b');

beforeAll(async () => {
  server = new ServerProcess();
  const hub = await server.connect();
  mkdirSync(inner, { recursive: true });
  for (const key of PATHS) {
    await hub.memories.saveMemory({
      memory: { key, category: key, content: key, tags: [key], metadata: { [key]: key } },
    });
  }
  await hub.config.setConfig({ setting: { name: 'path', value: PATHS } });
  hub.close();
});
afterAll(async () => {
  await server.cleanUp();
  rmSync(outer, { recursive: true });
});

const cli = (args: readonly string[]) =>
  runCommand(args, { env: { MEMORYHUB_DATA_DIR: server.dataDir, HOME: outer }, cwd: inner });
/** Every file and folder below, by its path. */
const below = () => (readdirSync(outer, { recursive: true }) as string[]).toSorted();

it('names that come from the server become no paths', async () => {
  const made = ['all.jsonl', 'all.csv', 'settings.jsonl', 'cpu.cpuprofile'];
  const [json = '', csv = '', settings = '', profile = ''] = made;
  for (const args of [
    ['export', '--out', json],
    ['export', '--format', 'csv', '--out', csv],
    ['settings', 'export', '--out', settings],
    ['list'],
    ['get', '--key', PATHS[0] as string],
    ['profile', 'cpu', '--seconds', '1', '--out', profile],
  ]) {
    expect({ args, ...(await cli(args)) }).toMatchObject({ args, code: 0 });
  }
  expect(below()).toEqual(['a', join('a', 'b'), ...made.map((name) => join('a', 'b', name))].toSorted());
});

it('what was put in the way of an unfinished export is neither written to nor read by others', async () => {
  const target = join(outer, 'of-somebody-else');
  writeFileSync(target, 'theirs', { mode: 0o666 });
  symlinkSync(target, join(inner, 'new.jsonl.part'));
  expect((await cli(['export', '--reveal', '--out', 'new.jsonl'])).code).toBe(0);
  expect(statSync(target).size).toBe('theirs'.length);
  const out = statSync(join(inner, 'new.jsonl'));
  expect({ isFile: out.isFile(), mode: out.mode & 0o777 }).toEqual({ isFile: true, mode: 0o600 });
});
