import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import {
  cleanEnvironment,
  PROGRAM,
  ROOT,
  runCommand,
  ServerProcess,
  temporaryFolder,
} from '../support/server-process.ts';

/** Of SIGHUP, which Node.js does not catch by itself as it does SIGTERM; the program listens to it last. */
const HANGUP_BIT = 1n;

/** The process that prepares the database, once it listens to signals. */
async function preparationOf(server: ServerProcess): Promise<number> {
  const { pid } = server.child;
  for (;;) {
    if (server.hasExited) throw new Error(`the server ended:\n${server.output}`);
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean)) {
      try {
        const isPreparation = /preparation/.test(readFileSync(`/proc/${child}/cmdline`, 'latin1'));
        const caught = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${child}/status`, 'latin1'))?.[1] ?? '';
        if (isPreparation && BigInt(`0x${caught}`) & HANGUP_BIT) return Number(child);
      } catch {
        // It has ended meanwhile.
      }
    }
    await sleep(5);
  }
}

it.runIf(process.platform === 'linux')(
  'a SIGTERM that reaches all processes of a server that starts ends it like any other',
  async () => {
    const server = new ServerProcess({}, temporaryFolder(), (settings) =>
      spawn(process.execPath, [PROGRAM, 'serve'], {
        detached: true,
        env: cleanEnvironment(settings),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    onTestFinished(() => server.cleanUp());
    await preparationOf(server);
    process.kill(-(server.child.pid as number), 'SIGTERM');
    expect(await server.exit(), server.output).toBe(0);
    expect(server.output).not.toMatch(/"level":[56]0/);
  },
);

it.each(['SIGTERM', 'SIGINT'] as const)(
  '%s to the npm that started it ends the server as one to itself',
  async (signal) => {
    const server = new ServerProcess({}, temporaryFolder(), (settings) =>
      spawn('npm', ['start'], {
        // As a terminal has it: Ctrl-C reaches npm and the server, and npm sends it on besides.
        detached: true,
        cwd: ROOT,
        env: cleanEnvironment(settings),
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
    onTestFinished(() => server.cleanUp());
    const hub = await server.connect();
    await hub.memories.saveMemory({ memory: { content: 'before the end' } });
    hub.close();
    if (signal === 'SIGINT') process.kill(-(server.child.pid as number), signal);
    else server.child.kill(signal);
    await server.exit();
    expect(server.output).toContain(`${signal}: finishing what is under way`);
    const { stdout } = await runCommand(['status'], { env: { MEMORYHUB_DATA_DIR: server.dataDir } });
    expect(stdout).toMatch(/server +not running/);
    expect(stdout).toMatch(/postgres +not running/);
  },
);
