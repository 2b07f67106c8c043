/**
 * The process above an embedded PostgreSQL, and nothing else: it makes the database if there is none, starts
 * postgres as the user it is told, keeps the log bounded, reaps it and ends when it ends. It is the leader of
 * a session of its own and takes no signals, so that what ends the server (Ctrl-C, a closed terminal, a
 * service manager) lets the server drain first; who wants PostgreSQL to end tells the postmaster.
 *
 * Plain JavaScript with few imports, because it is on the way of every start: 35 ms are saved by it.
 *
 * @typedef {import('./launch.ts').Job} Job
 * @typedef {import('./launch.ts').Program} Program
 * @typedef {import('./launch.ts').Outcome} Outcome
 */
import { spawn } from 'node:child_process';
import { copyFileSync, fstatSync, fsyncSync, ftruncateSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';

/** Standard error is the log: initdb and postgres inherit it and write on when this process is killed. */
const LOG = 2;

/** @type {NodeJS.Signals[]} */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'];
for (const signal of ENDING) process.on(signal, () => {});

process.once('message', (message) => launch(/** @type {Job} */ (message)));

/** @param {Job} job */
async function launch({ initdb, postgres, logFile, logBytes, logCheckMs }) {
  setInterval(() => boundLog(logFile, logBytes), logCheckMs).unref();
  if (initdb !== undefined) {
    const outcome = await run(initdb);
    if (outcome.code !== 0) return report({ kind: 'initdb_failed', ...outcome });
    renameSync(initdb.cwd, postgres.cwd);
    fsyncSync(openSync(dirname(postgres.cwd), 'r'));
  }
  const outcome = await run(postgres, (pid) => report({ kind: 'started', pid }));
  report({ kind: 'ended', ...outcome });
  if (process.connected) process.disconnect();
}

/**
 * @param {Program} program
 * @param {(pid: number) => void} [onStart]
 * @returns {Promise<{ code: number | null, signal: string | null, error?: string }>} how it ended
 */
function run({ file, args, cwd, env, user }, onStart) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { cwd, env, stdio: ['ignore', LOG, LOG], ...user });
    child.once('spawn', () => onStart?.(/** @type {number} */ (child.pid)));
    child.once('error', (error) => resolve({ code: null, signal: null, error: error.message }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** @param {Outcome} outcome */
function report(outcome) {
  if (process.connected) process.send?.(outcome, () => {});
}

/**
 * The log is open for appending in every process that writes it, so emptying it is safe.
 *
 * @param {string} file
 * @param {number} bytes
 */
function boundLog(file, bytes) {
  if (fstatSync(LOG).size <= bytes) return;
  copyFileSync(file, `${file}.1`);
  ftruncateSync(LOG);
}
