import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { testCluster } from '../faults/support/cluster.ts';
import { runCommand } from '../support/server-process.ts';

const cluster = testCluster({ servers: 1 });

/** One save after the other, until it is told to end. */
async function save(signal: AbortSignal): Promise<void> {
  const hub = await cluster.server(0).connect();
  for (let i = 0; !signal.aborted; i++) {
    await hub.memories.saveMemory({ memory: { content: `the words of call ${i}` } });
    await sleep(20);
  }
  hub.close();
}

const asserted = () =>
  runCommand([
    ...['monitor', '--address', cluster.address(0), '--key-file', join(cluster.server(0).dataDir, 'operator.key')],
    ...['--assert', 'SaveMemory.p99<1s', '--for', '5s'],
  ]);

test('an assert ends with 0 while saves are quick, and with 1 while a lock that is held makes them cross it', async () => {
  const stop = new AbortController();
  const saving = save(stop.signal);
  const quick = await asserted();
  expect(quick.stdout).toMatch(/^held {4}SaveMemory p99 < 1s {2}worst [\d.]+[mu]s\n$/);
  expect(quick.code).toBe(0);

  let ended = false;
  const watching = asserted().finally(() => {
    ended = true;
  });
  await cluster.database(async (client) => {
    while (!ended) {
      await client.query('BEGIN');
      await client.query('SELECT 1 FROM workspace_heads FOR UPDATE');
      await sleep(1200);
      await client.query('COMMIT');
    }
  });
  const slow = await watching;
  expect(slow.stdout).toMatch(
    /^broken {2}SaveMemory p99 < 1s {2}worst [12]\.\ds, first at \d\d:\d\d:\d\dZ, 1 of 1 times\n$/,
  );
  expect(slow.code).toBe(1);
  stop.abort();
  await saving;
});
