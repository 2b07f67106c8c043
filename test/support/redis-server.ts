import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findProgram } from './find-program.ts';
import { whenGone } from './when-gone.ts';

/** A Redis of one suite's own, to be killed, stopped or flushed at will. Keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL; `start` brings an empty one back on the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP: accepts connections, answers nothing. */
  pause(): void;
  resume(): void;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

/** Path of redis-server or valkey-server, if either is on PATH. */
export function findRedisServer(): string | undefined {
  return findProgram(['redis-server', 'valkey-server']);
}

/** Starts a Redis on a free loopback port. @throws when there is none on PATH */
export async function startRedis(): Promise<RedisServer> {
  const program = findRedisServer();
  if (program === undefined) throw new Error('neither redis-server nor valkey-server is on PATH');
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'memory-hub-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  const start = async () => {
    const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir: folder };
    child = spawn(
      program,
      Object.entries(settings).flatMap(([name, value]) => [`--${name}`, `${value}`]),
      { stdio: 'ignore' },
    );
    child.once('exit', whenGone('kill -9 "$1"; rm -rf "$2"', [`${child.pid}`, folder]));
    await answers(url, child);
  };
  const end = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url,
    port,
    start,
    kill: () => end('SIGKILL'),
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await end('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: 250 });
  client.on('error', () => {});
  const died = once(child, 'exit').then(() => {
    throw new Error('Redis ended while it was starting');
  });
  try {
    await Promise.race([client.ping(), died]);
  } finally {
    died.catch(() => {});
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server.close();
  await once(server, 'close');
  return address.port;
}
