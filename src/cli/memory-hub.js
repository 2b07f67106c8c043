#!/usr/bin/env node
// The entry of every command. Plain JavaScript that any Node.js since 18 can read, because its job is to
// get onto one that can run the rest: TypeScript with its types stripped, and lists of headers in answers over HTTP/2,
// which takes Node.js 22.20 or 24.7.
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNewEnough = major > 24 || (major === 24 && minor >= 7) || (major === 22 && minor >= 20);
const bundled = fileURLToPath(new URL('../../node_modules/.bin/node', import.meta.url));

/**
 * What a server's process can only be started with: see src/server/heap.ts. The parent of workers is no place of
 * calls; where the configuration file asks for workers it is some megabytes larger.
 */
const isServer = process.argv[2] === 'serve';
const isSized = /max-semi-space-size/.test(`${process.execArgv} ${process.env.NODE_OPTIONS}`);
const isParent = Number(process.env.MEMORYHUB_WORKERS) > 1;
const HEAP = isParent ? ['--max-semi-space-size=1', '--no-turbofan', '--no-maglev'] : ['--max-semi-space-size=16'];
const SERVER_FLAGS = isServer && !isSized ? HEAP : [];
const MALLOC = { MALLOC_ARENA_MAX: '1', MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };
const environment = isServer ? { ...MALLOC, ...process.env } : process.env;
/** What was set by whoever started it stays as it is, and stands for nothing else. */
const isReady = !isServer || (SERVER_FLAGS.length === 0 && Object.keys(MALLOC).every((name) => name in process.env));

if (isNewEnough) {
  // What libraries do inside is no business of who runs a command.
  process.noDeprecation = true;
  module.enableCompileCache?.();
  const args = process.argv.slice(2);
  // The same process once more, as it should be; a channel to who started it would not outlast that.
  if (!isReady && process.channel === undefined) {
    const command = [process.execPath, ...SERVER_FLAGS, ...process.execArgv, ...process.argv.slice(1)];
    process.execve?.(process.execPath, command, environment);
  }
  if (args[0] === 'monitor') {
    // It reads its own flags, and is on the screen sooner without the other commands.
    const { monitorCommand } = await import('./commands/monitor.ts');
    process.exitCode = await monitorCommand(args.slice(1));
  } else if (args[0] === 'serve' && args.length === 1) {
    // The other commands, and what reads their flags, would stay in memory as long as the server runs.
    const { runServer } = await import('./commands/serve.ts');
    await runServer();
  } else {
    const { main } = await import('./main.ts');
    await main(args);
  }
} else if (existsSync(bundled) && realpathSync(bundled) !== process.execPath) {
  // Over the channel the server learns when this process is gone without a word, and stops then.
  /** @type {import('node:child_process').StdioOptions} */
  const stdio = process.argv[2] === 'serve' ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit';
  /** @type {import('node:child_process').ChildProcess} */
  const child = spawn(bundled, [...SERVER_FLAGS, ...process.argv.slice(1)], { stdio, env: environment });
  child.channel?.unref();
  // Ctrl-C reaches the whole process group: sent on as a signal, the server would take it for a second one.
  // Over the channel it is told for the case that the signal was sent to this process alone.
  process.on('SIGINT', () => void (child.connected && child.send('SIGINT')));
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.on('SIGHUP', () => child.kill('SIGTERM'));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal ? 128 + 15 : 1);
  });
} else {
  console.error(
    `Node.js ${process.versions.node} is too old: Memory Hub needs 22.20, 24.7 or newer. ` +
      'A plain `npm install` brings one along; with --omit=optional it is left out.',
  );
  process.exitCode = 1;
}
