import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from '../support/server-process.ts';
import { ROOT } from './code-blocks.ts';

/** Stands before every command's output; no command prints it. */
const MARK = '\u001e';

/** What one command of a script printed, on both streams. */
export interface Ran {
  readonly command: string;
  readonly output: string;
}

/**
 * A folder that looks like a checkout, for commands that write beside the sources: documents and
 * protos are copies, everything else is the checkout's own.
 */
export function lookalikeCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-docs-'));
  for (const name of ['README.md', 'docs', 'proto', 'package.json', '.npmrc']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, filter: (path) => !path.endsWith('/target') });
  }
  for (const name of ['node_modules', 'src', 'load']) symlinkSync(join(ROOT, name), join(folder, name));
  return folder;
}

/**
 * Runs commands one after another in one bash, as a reader would paste them into a terminal, and
 * stops at the first that fails.
 *
 * @throws Error with the command that failed and what it printed
 */
export function runScript(lines: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran[]> {
  const script = lines.map((line, i) => `printf '%s%s\\n' '${MARK}' ${i}\n${line}`).join('\n');
  return new Promise((resolve, reject) => {
    const options = { cwd, env: cleanEnvironment(env), maxBuffer: 1 << 26 };
    execFile('bash', ['-e', '-o', 'pipefail', '-c', `exec 2>&1\n${script}`], options, (error, stdout) => {
      const ran = stdout
        .split(MARK)
        .slice(1)
        .map((part): Ran => {
          const lineEnd = part.indexOf('\n');
          return { command: lines[Number(part.slice(0, lineEnd))] ?? '', output: part.slice(lineEnd + 1) };
        });
      const last = ran.at(-1);
      if (error) reject(new Error(`${last?.command} failed (${error.code ?? error.signal}):\n${last?.output}`));
      else resolve(ran);
    });
  });
}
