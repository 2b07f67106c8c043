import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { redisSuite } from '../support/redis.ts';
import { plainHub, testCluster } from './support/cluster.ts';
import { judge, recovers } from './support/judge.ts';
import { recordingClients } from './support/recorded.ts';
import type { RecordingClients } from './support/recording-client.ts';

/** What the contract allows READ_YOUR_WRITES while Redis is cut off, and as much again for this machine's pauses. */
const CUT_OFF = { readYourWritesMs: 2_000 };
const FRESH = { readYourWritesMs: 0 };

redisSuite('two servers whose Redis fails them', () => {
  const cluster = testCluster({ redis: true });

  /** Commands that Redis did not answer in time, or not at all, to both servers. */
  async function redisErrors(): Promise<bigint> {
    let errors = 0n;
    for (const address of cluster.addresses) {
      const hub = plainHub(address, cluster.server(0).credential('operator'));
      errors += (await hub.stats.getStats({})).totals?.redis?.errors ?? 0n;
      hub.close();
    }
    return errors;
  }

  /** Clients under load, the trouble, healing, some more load; and not one call may fail. */
  async function withoutAnError(trouble: (clients: RecordingClients) => Promise<void>) {
    const before = await redisErrors();
    const clients = await recordingClients(cluster);
    clients.start();
    await clients.acknowledged(150);
    await trouble(clients);
    await recovers(cluster, cluster.server(0).credential('admin'));
    await clients.acknowledged(150);
    // A machine that is busy enough cuts Redis off without any help.
    const wasCutOff = (await redisErrors()) > before;
    const history = await judge(cluster, clients, { failures: [], ...(wasCutOff ? CUT_OFF : FRESH) });
    expect(history.reads.length).toBeGreaterThan(200);
    return wasCutOff;
  }

  it('F5: answer every call when it is killed, and use it again when it is back', async () => {
    const wasCutOff = await withoutAnError(async (clients) => {
      await cluster.redis.kill();
      await clients.acknowledged(200);
      await cluster.redis.start();
      await sleep(1_500);
    });
    expect(wasCutOff).toBe(true);
  });

  it('F6: answer every call when it takes commands and answers none', async () => {
    const wasCutOff = await withoutAnError(async (clients) => {
      for (let times = 0; times < 2; times++) {
        cluster.redis.pause();
        try {
          await clients.acknowledged(150);
        } finally {
          cluster.redis.resume();
        }
        await sleep(700);
      }
    });
    expect(wasCutOff).toBe(true);
  });

  it('F7: give no stale read when it is flushed under them', async () => {
    const admin = new Redis(cluster.redis.url);
    try {
      await withoutAnError(async () => {
        for (let times = 0; times < 150; times++) {
          await admin.flushall();
          await sleep(15);
        }
      });
    } finally {
      admin.disconnect();
    }
  });
});
