import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Contender } from '../alternate.ts';
import { freePort } from './free-port.ts';

const IN_FLIGHT = 64;

/** A Redis that keeps nothing on disk. */
export interface RedisChild {
  readonly url: string;
  stop(): Promise<void>;
}

export function hasRedis(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

export async function startRedis(): Promise<RedisChild> {
  const port = await freePort();
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', flags, { stdio: 'ignore' });
  const exited = once(server, 'exit');
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      server.kill('SIGTERM');
      await exited;
    },
  };
}

/** What the driver does at its best: values of this size read with so many calls in flight. */
export function redisGets(url: string, value: Buffer): Contender {
  return {
    name: 'ioredis getBuffer',
    pid: 0,
    async run(seconds) {
      const redis = new Redis(url, { enableAutoPipelining: true });
      await redis.set('load', value);
      const end = performance.now() + seconds * 1000;
      let units = 0;
      const reader = async () => {
        for (; performance.now() < end; units++) await redis.getBuffer('load');
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, reader));
      redis.disconnect();
      return { units, seconds };
    },
  };
}
