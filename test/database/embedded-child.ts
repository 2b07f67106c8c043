import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { claimDataDir } from '../../src/server/database/embedded/claim.ts';
import { startEmbeddedPostgres } from '../../src/server/database/embedded/embedded-postgres.ts';

/**
 * A server of another process, reduced to what it does to its data directory, so that it can be killed. This
 * file is both the program and the way to start it.
 */
export interface Plan {
  readonly dataDir: string;
  readonly claim?: string;
  readonly postgres?: boolean;
  /** Become this user once everything is loaded. */
  readonly uid?: number;
  /** Take SIGTERM and stay. */
  readonly deaf?: boolean;
  /** Without CAP_SYS_PTRACE, as root is in a container. */
  readonly confined?: boolean;
}

/** What it says when it is up, or why it is not. */
export interface Answer {
  readonly url?: string;
  readonly adopted?: boolean;
  readonly recovered?: boolean;
  readonly code?: string;
  readonly message?: string;
}

export interface Child {
  readonly pid: number;
  readonly answer: Answer;
  /** The code it exits with. */
  readonly exited: Promise<number | null>;
  kill(): Promise<void>;
}

const CONFINED = ['setpriv', '--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'];

export async function runChild(plan: Plan): Promise<Child> {
  const self = [process.execPath, fileURLToPath(import.meta.url), JSON.stringify(plan)];
  const [command = '', ...args] = plan.confined ? [...CONFINED, ...self] : self;
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => void child.once('exit', resolve));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return { pid: child.pid ?? 0, answer: JSON.parse(line) as Answer, exited, kill };
}

async function beServer({ dataDir, claim, postgres, uid, deaf }: Plan): Promise<Answer> {
  if (uid !== undefined) {
    process.setgroups?.([]);
    process.setgid?.(uid);
    process.setuid?.(uid);
  }
  const claimed = claim === undefined ? undefined : claimDataDir(dataDir, { address: claim });
  const server = postgres ? await startEmbeddedPostgres({ dataDir, maxConnections: 20 }) : undefined;
  process.on('SIGTERM', async () => {
    if (deaf) return;
    await server?.stop();
    claimed?.release();
    process.exit(0);
  });
  // Until it is killed, or the test that wanted it is gone.
  process.stdin.resume().once('end', () => process.exit(1));
  return server ? { url: server.url, adopted: server.adopted, recovered: server.recovered } : {};
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const plan = JSON.parse(process.argv[2] ?? '{}') as Plan;
  const answer = await beServer(plan).catch((error: Error & { code?: string }) => {
    process.exitCode = 1;
    process.stdin.destroy();
    return { code: error.code, message: error.message };
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
