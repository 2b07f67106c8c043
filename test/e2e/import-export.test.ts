import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { findProgram } from '../support/find-program.ts';
import { cleanEnvironment, PROGRAM, runCommand, ServerProcess } from '../support/server-process.ts';

/** Texts that careless programs change on the way. */
const ODD = [
  'e\u0301 é',
  '안녕하세요',
  '🙂👩‍👩‍👧',
  '\u202eabc',
  'a\r\nb',
  ' leading',
  'trailing ',
  '=1+1',
  '"',
  '\\u0041',
  '\u2028',
];

describe('import and export', () => {
  let database: TestDatabase;
  let server: ServerProcess;
  let env: NodeJS.ProcessEnv;
  const file = (name: string) => join(server.dataDir, name);
  const run = (...args: string[]) => runCommand(args, { env });
  const exported = async (name: string) => {
    expect(await run('export', '--out', file(name))).toMatchObject({ code: 0 });
    const lines = readFileSync(file(name), 'utf8').trim().split('\n');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  };

  beforeAll(async () => {
    database = await createTestDatabase();
    server = new ServerProcess({ DATABASE_URL: database.url });
    await server.address();
    env = { MEMORYHUB_DATA_DIR: server.dataDir };
    const turns = Array.from({ length: 1500 }, (_, i) => ({
      conversation: 'c-1',
      id: `D${i}`,
      speaker: i % 2 ? 'Mina' : 'Jo',
      text: `${ODD[i % ODD.length]} ${i}`,
    }));
    writeFileSync(file('turns.jsonl'), turns.map((turn) => `${JSON.stringify(turn)}\n`).join(''));
  });
  afterAll(async () => {
    await server.cleanUp();
    await database.drop();
  });

  const MAP = [
    ...['--map', 'content={text}', '--map', 'user_id={speaker}', '--map', 'key={conversation}/{id}'],
    ...['--map', 'scope=SCOPE_PERSONAL', '--map', 'category=turn', '--map', 'metadata.speaker={speaker}'],
  ];

  it('saves every line of a file of another shape, and gives back the same bytes', async () => {
    const imported = await run('import', file('turns.jsonl'), ...MAP, '--json');
    expect(imported).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(imported.stdout)).toMatchObject({ imported: 1500, bad: 0 });
    const contents = new Map((await exported('out.jsonl')).map((memory) => [memory.key, memory.content]));
    for (let i = 0; i < 1500; i++) expect(contents.get(`c-1/D${i}`)).toBe(`${ODD[i % ODD.length]} ${i}`);
  });

  it('doubles nothing when the same import is run again, with ids of its own too', async () => {
    writeFileSync(file('plain.jsonl'), '{"content":"one"}\n{"content":"two"}\r\n\n{"content":"three"}');
    for (const [imported, before] of [
      [3, 0],
      [0, 3],
    ]) {
      const { stdout } = await run('import', file('plain.jsonl'), '--json');
      expect(JSON.parse(stdout)).toMatchObject({ imported, imported_before: before });
    }
    const plain = (await exported('again.jsonl')).filter((memory) => memory.key === undefined);
    expect(plain.map((memory) => memory.content).sort()).toEqual(['one', 'three', 'two']);
    expect(plain.every((memory) => memory.revision === '1')).toBe(true);
  });

  it('takes its own export back', async () => {
    const before = await exported('before.jsonl');
    expect(JSON.parse((await run('import', file('before.jsonl'), '--json')).stdout)).toMatchObject({
      imported: before.length,
    });
    const after = await exported('after.jsonl');
    const stable = (memory: Record<string, unknown>) => {
      const { revision: _r, etag: _e, update_time: _u, create_time: _c, ...rest } = memory;
      return rest;
    };
    expect(after.map(stable)).toEqual(before.map(stable));
  });

  it('names every bad line and imports nothing, unless told to skip them', async () => {
    const bad = [
      '{"content":"good"}',
      'not json',
      '{"content":""}',
      '{"content":7}',
      '[1]',
      '{"contents":"x"}',
      `{"content":"${'x'.repeat(262_145)}"}`,
      '{"content":"bad \\u0000 nul"}',
    ];
    writeFileSync(
      file('bad.jsonl'),
      Buffer.concat([Buffer.from(`${bad.join('\n')}\n{"content":"`), Buffer.from([0xff]), Buffer.from('"}\n')]),
    );
    const refused = await run('import', file('bad.jsonl'));
    expect(refused.code).toBe(1);
    for (const line of [2, 3, 4, 5, 6, 7, 8, 9]) expect(refused.stderr).toMatch(new RegExp(`^line ${line}: `, 'm'));
    expect(refused.stderr).not.toMatch(/^line 1: /m);
    expect(refused.stderr).toContain('262145 bytes; at most 262144 are allowed');
    expect(refused.stderr).toContain('nothing was imported');
    expect((await exported('none.jsonl')).some((memory) => memory.content === 'good')).toBe(false);

    const skipped = await run('import', file('bad.jsonl'), '--skip-bad', '--json');
    expect(JSON.parse(skipped.stdout)).toMatchObject({ imported: 1, bad: 8 });
  });

  it('stops at the line the server refuses, and says what was imported', async () => {
    const { stdout } = await run('save', 'mine', '--team', 'alpha', '--json');
    const { id } = JSON.parse(stdout) as { id: string };
    writeFileSync(file('clash.jsonl'), `{"content":"fine"}\n{"id":"${id}","content":"another owner"}\n`);
    const stopped = await run('import', file('clash.jsonl'));
    expect(stopped.code).toBe(1);
    expect(stopped.stderr).toContain('stopped at line 2: FAILED_PRECONDITION OWNER_FIXED');
    expect(stopped.stderr).toContain('0 memories were imported before it');
  });

  it('writes CSV and protobuf as well, and to standard output', async () => {
    const csv = await run('export', 'key = "c-1/D7"', '--format', 'csv');
    expect(csv.stdout).toMatch(/^id,key,/);
    expect(csv.stdout).toContain('"');
    const proto = await run('export', '--format', 'proto', '--out', file('all.binpb'), '--json');
    expect(JSON.parse(proto.stdout)).toMatchObject({
      count: expect.any(Number) as number,
      digest: expect.any(String) as string,
    });
  });

  it('says what is wrong with a rule or a file', async () => {
    expect((await run('import', file('turns.jsonl'), '--map', 'colour={text}')).stderr).toContain(
      'must be FIELD=TEMPLATE',
    );
    expect((await run('import', file('absent.jsonl'))).stderr).toContain('there is no file');
  });

  it('reads a pipe as it reads a file: both are the same import', async () => {
    const lines = '{"content":"from a pipe"}\n{"content":"and another"}\n';
    writeFileSync(file('piped.jsonl'), lines);
    const piped = await runCommand(['import', '-', '--json'], { env, input: lines });
    expect(JSON.parse(piped.stdout)).toMatchObject({ imported: 2, imported_before: 0 });
    const again = await runCommand(['import', '/dev/stdin', '--json'], { env, input: lines });
    expect(JSON.parse(again.stdout)).toMatchObject({ imported: 0, imported_before: 2 });
    const asFile = await run('import', file('piped.jsonl'), '--json');
    expect(JSON.parse(asFile.stdout)).toMatchObject({ imported: 0, imported_before: 2 });
    const memories = (await exported('piped-out.jsonl')).filter(({ content }) => content === 'from a pipe');
    expect(memories).toMatchObject([{ revision: '1' }]);
    const nothing = await runCommand(['import', '-'], { env, input: '' });
    expect(nothing).toMatchObject({ code: 0, stdout: 'Imported nothing: no line of standard input holds a memory.\n' });
    const bad = await runCommand(['import', '-'], { env, input: '{"content":"good"}\nbad\n' });
    expect(bad).toMatchObject({ code: 1, stderr: expect.stringContaining('line 2: is not JSON') as string });
  });

  it('says that a second run left alone what was changed since, and saves over it when told to', async () => {
    writeFileSync(
      file('changed.jsonl'),
      '{"key":"changed","content":"as imported"}\n{"key":"kept","content":"kept"}\n',
    );
    expect((await run('import', file('changed.jsonl'))).stdout).toMatch(/^Imported 2 memories/);
    await run('save', 'changed since', '--key', 'changed');
    const content = async () => JSON.parse((await run('get', '--key', 'changed', '--json')).stdout) as object;
    const second = await run('import', file('changed.jsonl'));
    expect(second.stdout).toMatch(/^Imported 0 memories .*\n2 were imported by an earlier run .* left as they are now/);
    expect(await content()).toMatchObject({ content: 'changed since', revision: '2' });
    expect((await run('import', file('changed.jsonl'), '--again')).stdout).toMatch(/^Imported 2 memories .*\n$/);
    expect(await content()).toMatchObject({ content: 'as imported', revision: '3' });
  });

  it('says why a file cannot be written, before it asks for anything, and leaves nothing behind', async () => {
    const folder = join(server.dataDir, 'no', 'such');
    const missing = await run('export', '--out', join(folder, 'out.jsonl'));
    expect(missing).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `cannot write ${join(folder, 'out.jsonl')}: its folder is not there\n`,
    });
    expect((await run('export', '--out', server.dataDir)).stderr).toContain('it is a folder');
    expect((await run('export', '--out', '/dev/null')).stderr).toContain('it is no ordinary file');
    const refused = await run('export', 'nonsense =', '--out', file('refused.jsonl'));
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('INVALID_FILTER') as string });
    expect(existsSync(file('refused.jsonl')) || existsSync(`${file('refused.jsonl')}.part`)).toBe(false);
  });

  it.skipIf(process.platform !== 'linux' || !findProgram(['script']))(
    'shows in a terminal how far it is, at what rate, and how long it will take',
    () => {
      const inTerminal = (...args: string[]) => {
        const command = [process.execPath, PROGRAM, ...args].map((arg) => `'${arg}'`).join(' ');
        const options = { env: cleanEnvironment(env), encoding: 'utf8' } as const;
        return execFileSync('script', ['--quiet', '--return', '--command', command, '/dev/null'], options);
      };
      const imported = inTerminal('import', file('turns.jsonl'), '--map', 'content={text}', '--map', 'category=shown');
      expect(imported).toMatch(/import .+ \d+% \| \d+\/1500 \| \d+\/s \| \S+ left/);
      expect(imported).toMatch(/ 100% \| 1500\/1500 \|/);
      expect(inTerminal('export', 'category = "shown"', '--out', file('shown.jsonl'))).toMatch(
        /export .+ \d+% \| \d+\/\d+ \| \d+\/s/,
      );
    },
  );
});
