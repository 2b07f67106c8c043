import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, vi } from 'vitest';
import { findProgram } from '../../support/find-program.ts';
import { cleanEnvironment } from '../../support/server-process.ts';

const ROOT = join(import.meta.dirname, '../../..');
const PROGRAM = join(ROOT, 'src/cli/memory-hub.js');

/** How long something may take to be seen on a busy machine. */
const WAIT_MS = 20_000;

/** Path of tmux, if it is on PATH. */
export function findTmux(): string | undefined {
  return findProgram(['tmux']);
}

/**
 * A suite in real terminals. Without tmux it is skipped, and says so; in CI, where .ci/run has seen to
 * it, it fails instead.
 */
export function tmuxSuite(name: string, body: () => void): void {
  const missing = findTmux() === undefined;
  if (missing) console.warn(`SKIPPED, for tmux is not on PATH: ${name}`);
  describe.skipIf(missing && process.env.CI === undefined)(name, body);
}

/** A shell in a real pseudo-terminal, with the program typed into it as an operator does. */
export class TmuxSession {
  /** The shell's folder: what the program writes is here. */
  readonly folder: string;
  readonly #tmux: string;
  readonly #socket: string;

  private constructor(tmux: string, folder: string) {
    this.#tmux = tmux;
    this.folder = folder;
    this.#socket = join(folder, 'tmux.socket');
  }

  /** A shell that waits for its first command. */
  static async open(columns: number, rows: number, env: NodeJS.ProcessEnv = {}): Promise<TmuxSession> {
    const tmux = findTmux();
    if (tmux === undefined) throw new Error('tmux is not on PATH');
    const session = new TmuxSession(tmux, mkdtempSync(join(tmpdir(), 'memory-hub-tmux-')));
    const settings = { LC_ALL: 'C.UTF-8', ...env };
    const environment = cleanEnvironment(settings);
    // A terminal of its own: nothing of the one, or the pipeline, that the tests run in.
    for (const name of ['TMUX', 'NO_COLOR', 'FORCE_COLOR', 'CI', 'COLORTERM', 'ENV']) delete environment[name];
    const size = ['-x', `${columns}`, '-y', `${rows}`];
    await session.#run(
      [
        'new-session',
        '-d',
        ...size,
        '-c',
        session.folder,
        // A login shell that does not put its last command in its own place would stand between.
        'exec /bin/sh',
        ';',
        'set-option',
        '-g',
        'window-size',
        'manual',
        ';',
        'set-option',
        '-g',
        'status',
        'off',
        ';',
        'set-option',
        '-s',
        'escape-time',
        '0',
        ';',
        'set-option',
        '-s',
        'set-clipboard',
        'on',
      ],
      environment,
    );
    await session.resize(columns, rows);
    await session.until((screen) => screen.trim() !== '');
    return session;
  }

  /** Types `memory-hub monitor ARGS` and Enter. */
  async monitor(args: readonly string[]): Promise<void> {
    await this.enter([process.execPath, PROGRAM, 'monitor', ...args].map(quoted).join(' '));
  }

  /** Types a line into the shell. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press('Enter');
  }

  /** Characters as they are. */
  async type(text: string): Promise<void> {
    await this.#run(['send-keys', '-l', '--', text]);
  }

  /** Keys by tmux's names: Enter, Escape, C-e. */
  async press(...keys: string[]): Promise<void> {
    await this.#run(['send-keys', ...keys]);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#run(['resize-window', '-x', `${columns}`, '-y', `${rows}`]);
  }

  /** What is seen, one string a row. */
  async rows(): Promise<readonly string[]> {
    return (await this.#run(['capture-pane', '-p', '-N'])).split('\n').slice(0, -1);
  }

  /** What is seen with its colours, as escape sequences. */
  async painted(): Promise<string> {
    return this.#run(['capture-pane', '-p', '-e']);
  }

  /** A fact about the pane by tmux's name for it, such as `alternate_on`. */
  async fact(name: string): Promise<string> {
    return (await this.#run(['display-message', '-p', `#{${name}}`])).trim();
  }

  /** The program that the shell runs. */
  async childPid(): Promise<number> {
    const shell = await this.fact('pane_pid');
    const table = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
    const child = table.stdout.split('\n').find((line) => line.trim().split(/\s+/)[1] === shell);
    return Number(child?.trim().split(/\s+/)[0]);
  }

  /** What was copied last. */
  async clipboard(): Promise<string> {
    return this.#run(['show-buffer']);
  }

  /** Waits until what is seen satisfies this. */
  async until(what: (screen: string) => boolean, timeoutMs = WAIT_MS): Promise<string> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const screen = (await this.rows()).join('\n');
      if (what(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`not seen in ${timeoutMs / 1000} s; the screen is\n${screen}`);
      await sleep(50);
    }
  }

  /** Waits until what is seen satisfies this and stands still: a frame may come in pieces. */
  async settled(what: (screen: string) => boolean): Promise<readonly string[]> {
    let last = '';
    await this.until((screen) => {
      const still = screen === last;
      last = screen;
      return still && what(screen);
    });
    return last.split('\n');
  }

  /** Waits until the shell has nothing running any more: what is typed is its own again. */
  async ended(): Promise<void> {
    await vi.waitFor(async () => expect(await this.fact('pane_current_command')).toBe('sh'), WAIT_MS);
  }

  /** Ends the shell and what runs in it. */
  async close(): Promise<void> {
    await this.#run(['kill-server']).catch(() => '');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(
        this.#tmux,
        ['-u', '-f', '/dev/null', '-S', this.#socket, ...args],
        { env, maxBuffer: 1 << 24 },
        (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
      );
    });
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
