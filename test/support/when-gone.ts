import { spawn } from 'node:child_process';

/**
 * Has a shell run a command once this process is gone, however it ended: a run that is killed tidies
 * nothing up itself. Its arguments are `$1` and so on.
 *
 * @returns calls it off
 */
export function whenGone(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): () => void {
  // Nothing is ever written to it: reading ends when the other end of the pipe, which is here, is closed.
  const shell = spawn('sh', ['-c', `read -r _; ${command}`, 'sh', ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: { PATH: process.env.PATH, ...env },
    // What kills this process by Ctrl-C or with its group must not reach the shell.
    detached: true,
  });
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return () => void shell.kill('SIGKILL');
}
