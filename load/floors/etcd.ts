import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts } from '../accepts.ts';
import type { Child } from '../child.ts';
import { freePort } from './free-port.ts';

/** Whether there is an etcd to measure beside ours. */
export function hasEtcd(): boolean {
  return spawnSync('etcd', ['--version']).status === 0;
}

/** One etcd with its defaults, fsync included, in a temporary folder. */
export async function startEtcd(): Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), 'memory-hub-etcd-'));
  const [client, peer] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const urls = ['--listen-client-urls', `http://${client}`, '--advertise-client-urls', `http://${client}`];
  urls.push('--listen-peer-urls', `http://${peer}`, '--initial-advertise-peer-urls', `http://${peer}`);
  urls.push('--initial-cluster', `default=http://${peer}`);
  const etcd = spawn('etcd', ['--data-dir', folder, '--log-level', 'error', ...urls], { stdio: 'ignore' });
  const exited = once(etcd, 'exit');
  const stop = async () => {
    etcd.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  for (let tries = 0; tries < 100; tries++) {
    if (await accepts(client)) return { address: client, pid: etcd.pid ?? 0, stop };
    await sleep(100);
  }
  await stop();
  throw new Error('etcd did not start');
}
