import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { Consistency } from '../../../src/shared/gen/memoryhub/v1/memory.ts';
import type { ServerProcess } from '../../support/server-process.ts';
import { type Cluster, plainHub } from './cluster.ts';
import { type History, readStored, type Stored } from './history.ts';
import { residentBytes } from './processes.ts';
import type { RecordingClients } from './recording-client.ts';
import {
  acknowledgedIsKept,
  batchesAreWhole,
  failuresAreExpected,
  isRegister,
  onceOrNever,
  type Staleness,
  workspacesAreApart,
} from './validators.ts';

/** The promise is 5 s; the rest is for a machine that has other things to do. */
const RECOVERY_MS = 10_000;
/** A server of these tests takes some 120 MB. */
const MAX_RESIDENT_BYTES = 350 * 1024 * 1024;

/** V8, after healing: a save through each server is read back from each other one. */
export async function recovers(cluster: Cluster, credential: string): Promise<void> {
  const hubs = cluster.addresses.map((address) => plainHub(address, credential));
  const deadline = performance.now() + RECOVERY_MS;
  let last: unknown;
  try {
    for (;;) {
      try {
        for (const writer of hubs) {
          const { id } = await writer.memories.saveMemory({ memory: { content: PROBE } }, { deadlineMs: 1_000 });
          for (const reader of hubs) {
            await reader.memories.getMemory({ target: { $case: 'id', value: id } }, { deadlineMs: 1_000 });
          }
        }
        return;
      } catch (error) {
        last = error;
      }
      if (performance.now() > deadline)
        throw new Error(`not recovered ${RECOVERY_MS} ms after healing`, { cause: last });
      await sleep(50);
    }
  } finally {
    for (const hub of hubs) hub.close();
  }
}

/** What `recovers` saves: in a workspace of its own, so that it is no phantom to the validators. */
const PROBE = 'probe';

/** V8: the server lives, keeps its memory small, and logged no fault of its own. */
export function isSound(server: ServerProcess, maxResidentBytes = MAX_RESIDENT_BYTES): void {
  expect(server.hasExited, server.output).toBe(false);
  expect(faultsLogged(server)).toEqual([]);
  expect(residentBytes(server.child.pid)).toBeLessThan(maxResidentBytes);
}

/** Lines a server logged as errors: of causes nobody thought of, and of crashes. */
export function faultsLogged(server: ServerProcess): string[] {
  return server.output.split('\n').filter((line) => {
    if (line === '') return false;
    if (!line.startsWith('{')) return true;
    const level: unknown = JSON.parse(line).level;
    return level === 'error' || level === 'fatal' || Number(level) >= 50;
  });
}

export interface Verdict extends Staleness {
  /** "CODE/REASON" of every failure a client may have been told. */
  readonly failures: readonly string[];
}

/** Stops the clients, reads everything back through each server and from Postgres, and holds it against the history. */
export async function judge(cluster: Cluster, clients: RecordingClients, verdict: Verdict): Promise<History> {
  const history = await clients.stop();
  const stored = await cluster.database(readStored);
  const own = ofWorkspaces(stored, new Set(clients.workspaces));
  expect({
    'V1 acknowledged is kept': acknowledgedIsKept(history, own),
    'V2 once or never': onceOrNever(history, own),
    'V3 register': isRegister(history, own, verdict),
    'V6 batches are whole': batchesAreWhole(history, own),
    'V7 workspaces are apart': workspacesAreApart(history, own),
    'V9 failures': [...new Set(failuresAreExpected(history.failures, verdict.failures))],
  }).toEqual({
    'V1 acknowledged is kept': [],
    'V2 once or never': [],
    'V3 register': [],
    'V6 batches are whole': [],
    'V7 workspaces are apart': [],
    'V9 failures': [],
  });
  for (const [workspace, credential] of clients.credentials) {
    for (const address of cluster.addresses) await readsBack(address, credential, workspace, own);
  }
  for (const server of cluster.servers) isSound(server);
  console.info(summary(history));
  return history;
}

/** Through the API, from the cache and past it, there is just what is in Postgres. */
async function readsBack(address: string, credential: string, workspace: string, stored: Stored): Promise<void> {
  const hub = plainHub(address, credential);
  const rows = stored.memories.filter((row) => row.workspace === workspace);
  const expected = new Map(rows.map(({ id, change, value }) => [id, `${change} ${value}`]));
  for (const consistency of [Consistency.READ_YOUR_WRITES, Consistency.STRONG]) {
    for (let at = 0; at < rows.length; at += 1000) {
      const ids = rows.slice(at, at + 1000).map(({ id }) => id);
      const { memories, missingIds } = await hub.memories.batchGetMemories({ ids, consistency });
      expect(missingIds).toEqual([]);
      for (const { id, etag, content } of memories) expect(`${etag} ${content}`).toBe(expected.get(id));
    }
  }
  hub.close();
}

function ofWorkspaces(stored: Stored, names: ReadonlySet<string>): Stored {
  const own = (row: { workspace: string }) => names.has(row.workspace);
  return {
    revisions: stored.revisions.filter(own),
    memories: stored.memories.filter(own),
    requests: stored.requests.filter(own),
    heads: new Map([...stored.heads].filter(([name]) => names.has(name))),
  };
}

function summary({ writes, reads, failures }: History): string {
  const outcomes = Object.entries(Object.groupBy(writes, ({ outcome }) => outcome));
  const reasons = Object.entries(Object.groupBy(failures, ({ error }) => `${error.codeName}/${error.reason}`));
  const counts = [...outcomes, ...reasons].map(([name, list]) => `${list?.length} ${name}`).join(', ');
  return `${reads.length} reads, ${writes.length} writes: ${counts}`;
}
