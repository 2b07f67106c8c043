import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/server/database/database.ts';
import type { WriteOutcome } from '../../src/server/domain/repository.ts';
import type { MemoryRepositoryOptions } from '../../src/server/repository/memory-repository.ts';
import { callIn, fields, Hub, save } from '../contract/fixtures.ts';
import { CutProxy } from './support/cut-proxy.ts';
import { newWorkspace, testRepository } from './support/repository.ts';

const subject = testRepository();

const BY_CHANGE = { order: { by: 'update_time', descending: false } } as const;

/** A workspace behind a repository of its own, whose write connection no other test has touched. */
async function ownHub(options: MemoryRepositoryOptions = {}): Promise<Hub> {
  return new Hub(subject().another(options), await newWorkspace(subject().database));
}

/** Another program that holds the workspace's lock while `work` runs. */
async function whileLocked<T>(workspaceId: number, work: (other: Client) => Promise<T>): Promise<T> {
  const other = new Client({ connectionString: subject().database.url });
  await other.connect();
  try {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM workspace_heads WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
    return await work(other);
  } finally {
    await other.end();
  }
}

/** Process id of the connection that waits for the lock of `other`. */
async function waitingBackend(other: Client): Promise<number> {
  for (;;) {
    const { rows } = await other.query<{ pid: number }>(
      'SELECT pid FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))',
    );
    if (rows[0] !== undefined) return rows[0].pid;
  }
}

async function settled(outcomes: Promise<WriteOutcome>[]): Promise<string[]> {
  const results = await Promise.allSettled(outcomes);
  return results.map((result) => (result.status === 'fulfilled' ? result.value.kind : result.reason.reason));
}

describe('a row the database cannot keep', () => {
  it.each([
    ['U+0000 in metadata', { metadata: { a: 'b\u0000' } }],
    ['U+0000 in text', { content: 'a\0b' }],
    ['a lone surrogate in metadata', { metadata: { a: '\ud800' } }],
  ])('fails alone: %s', async (_, bad) => {
    const hub = await ownHub();
    const outcomes = await settled(
      Array.from({ length: 60 }, (_each, n) =>
        hub.write(save({ fields: fields(n === 41 ? bad : { content: `${n}` }) })),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(59);
    expect(outcomes[41]).toBe('INVALID_FIELD');
    const listed = await hub.list(BY_CHANGE);
    expect(listed.map((memory) => memory.changeNo)).toEqual(Array.from({ length: 59 }, (_each, n) => n + 1));
  });

  it('takes its whole batch request with it', async () => {
    const hub = await ownHub();
    const bad = save({ fields: fields({ metadata: { a: '\u0000' } }) });
    await expect(hub.write([save(), bad, save()])).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    expect(await hub.list()).toEqual([]);
  });
});

describe('a caller who leaves', () => {
  it('before the batch was sent changes nothing', async () => {
    const hub = await ownHub();
    const cancel = new AbortController();
    const gone = hub.write(save(), {}, callIn(hub.workspaceId, { signal: cancel.signal }));
    const stays = hub.write(save());
    cancel.abort();
    expect(await settled([gone, stays])).toEqual(['CANCELLED', 'done']);
    const late = hub.write(save(), {}, callIn(hub.workspaceId, { deadlineAt: performance.now() - 1 }));
    expect(await settled([late])).toEqual(['DEADLINE_EXCEEDED']);
    expect(await hub.list()).toHaveLength(1);
  });

  it('is let go at the deadline though the database hangs, and what is behind goes on afterwards', async () => {
    const hub = await ownHub();
    await hub.done(save());
    const { sent, queued } = await whileLocked(hub.workspaceId, async (other) => {
      const inFlight = hub.write(save(), {}, callIn(hub.workspaceId, { deadlineAt: performance.now() + 100 }));
      inFlight.catch(() => {});
      await waitingBackend(other);
      const dropped = hub.write(save(), {}, callIn(hub.workspaceId, { deadlineAt: performance.now() + 50 }));
      const behind = hub.write(save());
      expect(await settled([inFlight, dropped])).toEqual(['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
      return { sent: inFlight, queued: behind };
    });
    expect(await settled([queued])).toEqual(['done']);
    await expect(sent).rejects.toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
    // The one on its way was committed, which its caller could not know; the other never was.
    expect(await hub.list()).toHaveLength(3);
  });
});

describe('too much at once', () => {
  it('is turned away when too many bytes wait', async () => {
    const hub = await ownHub({ maxWaitingBytes: 100_000 });
    const outcomes = await settled(Array.from({ length: 400 }, () => hub.write(save())));
    const turnedAway = outcomes.filter((outcome) => outcome === 'OVERLOADED').length;
    expect(turnedAway).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(400 - turnedAway);
    expect(await hub.list({ pageSize: 1000 })).toHaveLength(400 - turnedAway);
    expect(await settled([hub.write(save())])).toEqual(['done']);
  });
});

describe('closing', () => {
  it('commits what was taken, and takes no more', async () => {
    const repository = subject().another();
    const hub = new Hub(repository, await newWorkspace(subject().database));
    const taken = Array.from({ length: 300 }, () => hub.write(save()));
    taken.push(hub.write([save(), save()]));
    const closed = repository.close();
    expect(await settled([hub.write(save())])).toEqual(['SHUTTING_DOWN']);
    await closed;
    expect(new Set(await settled(taken))).toEqual(new Set(['done']));
    const survivor = new Hub(subject().repository, hub.workspaceId);
    expect(await survivor.list({ pageSize: 1000 })).toHaveLength(302);
  });
});

describe('a connection that breaks', () => {
  it('while idle is replaced unnoticed', async () => {
    const hub = await ownHub();
    await hub.done(save());
    await subject().database.pool.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE datname = current_database() AND application_name = 'memory-hub write'`,
    });
    // The news of it may still be on its way.
    await expect.poll(async () => settled([hub.write(save())])).toEqual(['done']);
  });

  it('because the server ended it in mid-statement means that nothing was committed', async () => {
    const hub = await ownHub();
    await hub.done(save());
    const outcome = await whileLocked(hub.workspaceId, async (other) => {
      const write = settled([hub.write(save()), hub.write(save())]);
      await other.query('SELECT pg_terminate_backend($1)', [await waitingBackend(other)]);
      return write;
    });
    expect(outcome).toEqual(['DATABASE_UNAVAILABLE', 'DATABASE_UNAVAILABLE']);
    expect(await hub.list()).toHaveLength(1);
    expect(await settled([hub.write(save())])).toEqual(['done']);
  });

  it('before the answer leaves the outcome unknown, and a retry with the same request id makes it once', async () => {
    const { url } = subject().database;
    const { hostname, port } = new URL(url);
    const proxy = await CutProxy.open({ host: hostname, port: Number(port) });
    const throughProxy = new URL(url);
    throughProxy.host = `127.0.0.1:${proxy.port}`;
    const database = await openDatabase({ url: throughProxy.toString(), poolMax: 2, poolMin: 0 });
    try {
      const { pool, readPool, openWriteConnection } = database;
      const repository = subject().another({}, { pool, readPool, openWriteConnection });
      const hub = new Hub(repository, await newWorkspace(database));
      await hub.done(save());
      const request = { requestId: randomUUID(), requestHash: new Uint8Array(32) };
      const change = save();
      proxy.cutAtNextAnswer();
      await expect(hub.write(change, request)).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN' });
      await expect(hub.write(change, request)).rejects.toMatchObject({ reason: 'DATABASE_UNAVAILABLE' });
      proxy.mend();
      expect(await hub.write(change, request)).toMatchObject({ kind: 'done', replayed: true, head: 2 });
      expect(await hub.list()).toHaveLength(2);
      await repository.close();
    } finally {
      await database.close();
      await proxy.close();
    }
  });

  it('for it took too long is given up, and the next batch opens another', async () => {
    const hub = await ownHub({ batchTimeoutMs: 200 });
    await hub.done(save());
    const stuck = await whileLocked(hub.workspaceId, () => settled([hub.write(save())]));
    expect(stuck).toEqual(['COMMIT_UNKNOWN']);
    expect(await settled([hub.write(save())])).toEqual(['done']);
  });
});

describe('several processes', () => {
  it('on one memory make one history without gaps', async () => {
    const workspaceId = await newWorkspace(subject().database);
    const hubs = Array.from({ length: 3 }, () => new Hub(subject().another(), workspaceId));
    const id = randomUUID();
    const saved = await Promise.all(
      hubs.map((hub, which) =>
        Promise.all(Array.from({ length: 40 }, (_, n) => hub.done(save({ id, content: `${which}/${n}` })))),
      ),
    );
    for (const own of saved) {
      expect(own.map((memory) => memory.revision)).toEqual(own.map((memory) => memory.revision).sort((a, b) => a - b));
    }
    const all = saved.flat().sort((a, b) => a.revision - b.revision);
    expect(all.map((memory) => memory.revision)).toEqual(Array.from({ length: 120 }, (_, n) => n + 1));
    expect(all.map((memory) => memory.changeNo)).toEqual(all.map((memory) => memory.revision));
    for (const [n, memory] of all.entries()) {
      if (n > 0) expect(memory.updateTime).toBeGreaterThan(all[n - 1]?.updateTime ?? 0);
    }
  });

  it('with one request id do it once', async () => {
    const workspaceId = await newWorkspace(subject().database);
    const hubs = Array.from({ length: 3 }, () => new Hub(subject().another(), workspaceId));
    const request = { requestId: randomUUID(), requestHash: new Uint8Array(32) };
    const outcomes = await Promise.all(
      hubs.map((hub) => hub.write([save({ fresh: true }), save({ fresh: true })], request)),
    );
    expect(outcomes.filter((outcome) => outcome.kind === 'done' && !outcome.replayed)).toHaveLength(1);
    expect(await hubs[0]?.list()).toHaveLength(2);
  });
});

/** Makes writes fail, `times` times, when the statement ends or not before the commit. */
async function whileFailing(state: string, times: number, when: 'statement' | 'commit', work: () => Promise<void>) {
  const run = (text: string) => subject().database.pool.query({ text });
  await run('CREATE SEQUENCE attempts');
  await run(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('attempts') <= ${times} THEN RAISE EXCEPTION 'again' USING ERRCODE = '${state}'; END IF;
               RETURN NULL; END $$`);
  const trigger =
    when === 'commit'
      ? 'CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON memories DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'
      : 'CREATE TRIGGER fail AFTER INSERT ON memories FOR EACH STATEMENT';
  await run(`${trigger} EXECUTE FUNCTION fail()`);
  try {
    await work();
  } finally {
    await run('DROP TRIGGER fail ON memories; DROP FUNCTION fail; DROP SEQUENCE attempts');
  }
}

describe('a batch that may be repeated', () => {
  it.each([
    ['40001', 'statement'],
    ['40P01', 'statement'],
    ['40001', 'commit'],
  ] as const)('is, after %s at the %s', async (state, when) => {
    const hub = await ownHub();
    await whileFailing(state, 2, when, async () => {
      expect(await settled([hub.write(save()), hub.write(save())])).toEqual(['done', 'done']);
      expect((await hub.list(BY_CHANGE)).map((memory) => memory.changeNo)).toEqual([1, 2]);
    });
  });
});

describe('an answer', () => {
  it('is given only after the commit: when that fails nothing is acknowledged', async () => {
    const hub = await ownHub();
    await whileFailing('53100', 1000, 'commit', async () => {
      const outcomes = await settled([hub.write(save()), hub.write(save()), hub.write([save(), save()])]);
      expect(outcomes).toEqual(['DATABASE_UNAVAILABLE', 'DATABASE_UNAVAILABLE', 'DATABASE_UNAVAILABLE']);
    });
    expect(await hub.list()).toEqual([]);
    expect(await settled([hub.write(save())])).toEqual(['done']);
  });
});

describe('the cache epoch', () => {
  it('grows in the same commit when asked to, refused or not', async () => {
    const hub = await ownHub();
    const epoch = async () => {
      const { rows } = await subject().database.pool.query<{ cache_epoch: number; head: number }>({
        text: 'SELECT cache_epoch, head FROM workspace_heads WHERE workspace_id = $1',
        values: [hub.workspaceId],
      });
      return [rows[0]?.cache_epoch, rows[0]?.head];
    };
    await hub.done(save());
    expect(await epoch()).toEqual([0, 1]);
    await hub.done(save(), { bumpCacheEpoch: true });
    expect(await epoch()).toEqual([1, 2]);
    await hub.refused(save({ expectedChangeNo: 9 }), { bumpCacheEpoch: true });
    expect(await epoch()).toEqual([2, 2]);
  });
});

describe('a workspace that is not there', () => {
  it('is named, and holds up nobody else', async () => {
    const hub = await ownHub();
    const nowhere = new Hub(hub.repository, 2_000_000);
    expect(await settled([nowhere.write(save()), hub.write(save())])).toEqual(['WORKSPACE_NOT_FOUND', 'done']);
    const begun = nowhere.repository.beginExport(nowhere.call, nowhere.workspaceId);
    await expect(begun).rejects.toMatchObject({ reason: 'WORKSPACE_NOT_FOUND' });
  });
});
