import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryHub } from '../../src/shared/service-client.ts';
import { whenGone } from './when-gone.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
/** The entry of every command. */
export const PROGRAM = join(ROOT, 'src', 'cli', 'memory-hub.js');

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A new, empty folder. Who asks for it removes it. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'memory-hub-e2e-'));
}

/** The environment of a program under test: nothing of the machine's own settings. */
export function cleanEnvironment(settings: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(MEMORYHUB_|OTEL_|DATABASE_|REDIS_|LOG_LEVEL|VITEST|NODE_ENV)/.test(name),
  );
  return { ...Object.fromEntries(own), ...settings };
}

/** Runs `memory-hub ARGS` to its end. */
export function runCommand(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string | Uint8Array; node?: string } = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      options.node ?? process.execPath,
      [PROGRAM, ...args],
      { cwd: options.cwd ?? ROOT, env: cleanEnvironment(options.env ?? {}), maxBuffer: 1 << 28 },
      (error, stdout, stderr) => resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    );
    // One that ends without reading all of it is no fault.
    child.stdin?.on('error', () => {}).end(options.input ?? '');
  });
}

/** Ends what runs on a data directory, and removes it, when this process is killed before it could. */
export function endWhenGone(dataDir: string): () => void {
  // Twice: the first time its PostgreSQL may still be on the way up.
  const command = '"$1" "$2" stop; sleep 3; "$1" "$2" stop; rm -rf "$3"';
  return whenGone(command, [process.execPath, PROGRAM, dataDir], { MEMORYHUB_DATA_DIR: dataDir });
}

function startPlainly(settings: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, [PROGRAM, 'serve'], {
    cwd: ROOT,
    env: cleanEnvironment(settings),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A real server in a process of its own. */
export class ServerProcess {
  readonly dataDir: string;
  readonly child: ChildProcess;
  readonly #keep: () => void;
  #output = '';

  /**
   * @param settings environment variables; the port is free and the log quiet unless they say otherwise
   * @param start how the process is made
   */
  constructor(settings: NodeJS.ProcessEnv = {}, dataDir = temporaryFolder(), start = startPlainly) {
    this.dataDir = dataDir;
    this.#keep = endWhenGone(dataDir);
    this.child = start({ MEMORYHUB_LISTEN: '127.0.0.1:0', ...settings, MEMORYHUB_DATA_DIR: dataDir });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Everything it printed so far. */
  get output(): string {
    return this.#output;
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until it serves and returns its address. */
  async address(timeoutMs = 30_000): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline && !this.hasExited) {
      const line = this.#output.split('\n').find((candidate) => candidate.includes('"msg":"serving"'));
      if (line) return (JSON.parse(line) as { address: string }).address;
      await sleep(10);
    }
    throw new Error(`the server does not serve:\n${this.#output}`);
  }

  credential(name: 'admin' | 'operator' = 'admin'): string {
    return readFileSync(join(this.dataDir, `${name}.key`), 'utf8').trim();
  }

  async connect(name: 'admin' | 'operator' = 'admin'): Promise<MemoryHub> {
    const address = await this.address();
    return new MemoryHub({ address, credential: this.credential(name) });
  }

  /** Waits for its end. */
  async exit(): Promise<number | NodeJS.Signals> {
    if (!this.hasExited) await new Promise((resolve) => this.child.once('exit', resolve));
    return this.child.exitCode ?? this.child.signalCode ?? -1;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.child.kill(signal);
    return this.exit();
  }

  /** Ends whatever is left of it, PostgreSQL included, and removes its data. */
  async cleanUp(): Promise<void> {
    if (!this.hasExited) await this.stop();
    await runCommand(['stop'], { env: { MEMORYHUB_DATA_DIR: this.dataDir } });
    this.#keep();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
