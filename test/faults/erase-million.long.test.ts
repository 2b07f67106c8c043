import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import type { MemoryHub } from '../../src/shared/service-client.ts';
import { plainHub, testCluster } from './support/cluster.ts';

const ROWS = 1_000_000;
const USERS = 100;

describe('one of a hundred users of a workspace with a million memories', () => {
  const cluster = testCluster({ servers: 1, ownPostgres: true });
  const hubs: MemoryHub[] = [];
  afterAll(() => {
    for (const hub of hubs) hub.close();
  });

  it('is erased within five seconds, and no writer waits for one', async () => {
    await cluster.newWorkspace('large');
    const [admin, writer] = await Promise.all(
      [Role.ADMIN, Role.WRITER].map(async (role) => {
        const hub = plainHub(cluster.address(0), await cluster.newKey({ workspace: 'large', role }));
        hubs.push(hub);
        return hub;
      }),
    );
    if (admin === undefined || writer === undefined) throw new Error('no keys');
    await fill();

    const waits: number[] = [];
    let erased = false;
    const writing = (async () => {
      for (let count = 0; !erased; count++) {
        const startedAt = performance.now();
        await writer.memories.saveMemory({ memory: { content: `meanwhile ${count}` } });
        waits.push(performance.now() - startedAt);
        await sleep(5);
      }
    })();
    const startedAt = performance.now();
    const answer = await admin.memories.eraseUser({ userId: 'user7' }, { deadlineMs: 60_000 });
    const elapsedMs = performance.now() - startedAt;
    erased = true;
    await writing;
    const floorMs = await plainDeletes('user8');
    console.log(
      `erased in ${Math.round(elapsedMs)} ms, plain deletes ${Math.round(floorMs)} ms; ${waits.length} writes meanwhile, the slowest ${Math.round(Math.max(...waits))} ms`,
    );
    expect(answer.receipt).toMatchObject({ memories: BigInt(ROWS / USERS), revisions: BigInt(ROWS / USERS) });
    expect(answer.receipt?.requests).toBe(BigInt(ROWS / USERS));
    expect(elapsedMs).toBeLessThan(5_000);
    expect(Math.max(...waits)).toBeLessThan(1_000);
  }, 600_000);

  /** Milliseconds that the rows of another user take without batches, caches, an audit trail or other writers. */
  async function plainDeletes(user: string): Promise<number> {
    return cluster.database(async (client) => {
      const startedAt = performance.now();
      await client.query('BEGIN');
      await client.query(
        `DELETE FROM request_log l USING memory_revisions r
          WHERE r.user_id = $1 AND l.workspace_id = r.workspace_id AND l.first_change = r.change_no`,
        [user],
      );
      await client.query('DELETE FROM memory_revisions WHERE user_id = $1', [user]);
      await client.query('DELETE FROM memories WHERE user_id = $1', [user]);
      await client.query('COMMIT');
      return performance.now() - startedAt;
    });
  }

  /** A million memories with their history and the requests of today that made them. */
  async function fill(): Promise<void> {
    await cluster.database(async (client) => {
      await client.query('SET synchronous_commit = off');
      const { rows } = await client.query("SELECT id FROM workspaces WHERE name = 'large'");
      const workspace = Number(rows[0].id);
      await client.query(`
        INSERT INTO memories (workspace_id, id, revision, change_no, scope, user_id, category, content, author, create_time, update_time)
        SELECT ${workspace}, gen_random_uuid(), 1, n, 1, 'user' || n % ${USERS}, 'cat' || n % 20,
               repeat('some words of user ' || n % ${USERS} || ' ', 8), 'me', now() - (${ROWS} - n) * interval '1 second', now()
          FROM generate_series(1, ${ROWS}) n`);
      await client.query(`
        INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, scope, user_id, category,
                                      content, author, create_time, update_time)
        SELECT workspace_id, change_no, id, 1, 1, scope, user_id, category, content, author, create_time, update_time
          FROM memories WHERE workspace_id = ${workspace}`);
      await client.query(`
        INSERT INTO request_log
        SELECT ${workspace}, gen_random_uuid(), '\\x00'::bytea, n, 1, now() FROM generate_series(1, ${ROWS}) n`);
      await client.query(`UPDATE workspace_heads SET head = ${ROWS} WHERE workspace_id = ${workspace}`);
      await client.query('ANALYZE');
      await client.query('CHECKPOINT');
    });
  }
});
