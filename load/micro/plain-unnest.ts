import type { Client } from 'pg';
import type { WriteRequest } from '../../src/server/domain/repository.ts';
import { plainArray, textArray } from '../../src/server/repository/statements/array-literal.ts';

const UPSERT = `ON CONFLICT (workspace_id, id) DO UPDATE SET change_no = excluded.change_no, content = excluded.content,
    tags = excluded.tags, metadata = excluded.metadata, revision = memories.revision + 1,
    category = excluded.category, author = excluded.author, update_time = excluded.update_time`;

/** The lock and the number of ours, which decide nothing here. */
const LOCK = `
k AS MATERIALIZED (SELECT workspace_id FROM workspace_heads WHERE workspace_id = $1[1] FOR NO KEY UPDATE),
a AS (UPDATE workspace_heads SET head = head + (SELECT count(*) FROM i) WHERE workspace_id = (SELECT workspace_id FROM k)),`;

const LOG = `,
l AS (
  INSERT INTO request_log SELECT ws, request_id, min(hash), min(change_no), count(*), now() FROM i GROUP BY ws, request_id)`;

/** What is not of the floor, or is not to be in it. */
interface Parts {
  /** Only new memories will be written, so that a plain insert does. */
  readonly fresh?: boolean;
  readonly lock?: boolean;
  readonly log?: boolean;
}

/** One workspace's rows by one client: no locks, no guards, no replay, numbers counted by the client. */
const text = ({ fresh = true, lock = false, log = true }: Parts) => `
WITH i AS MATERIALIZED (
  SELECT * FROM unnest($1::int4[], $2::uuid[], $3::int8[], $4::int2[], $5::text[], $6::text[], $7::text[], $8::text[],
                       $9::text[], $10::text[], $11::text[], $12::text[], $13::uuid[], $14::bytea[])
         AS b(ws, id, change_no, scope, user_id, team, key, category, content, tags, metadata, author, request_id, hash)),
${lock ? LOCK : ''}
m AS (
  INSERT INTO memories (workspace_id, id, revision, change_no, scope, user_id, team, key, category, content, tags,
                        metadata, author, create_time, update_time)
  SELECT ws, id, 1, change_no, scope, user_id, team, key, category, content, tags::text[], metadata::jsonb, author,
         now(), now() FROM i
  ${fresh ? '' : UPSERT}
  RETURNING workspace_id, id, revision, change_no),
r AS (
  INSERT INTO memory_revisions (workspace_id, change_no, memory_id, revision, operation, note, scope, user_id, team, key,
                                category, content, tags, metadata, author, create_time, update_time)
  SELECT ws, change_no, id, change_no, 1, '', scope, user_id, team, key, category, content, tags::text[],
         metadata::jsonb, author, now(), now() FROM i)${log ? LOG : ''}
SELECT workspace_id, id, revision, change_no FROM m`;

/** What a service without promises would send: the floor of the write path. */
export async function openFloor(client: Client, firstChange: number, parts: Parts = {}) {
  let changeNo = firstChange;
  const statement = text(parts);
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return {
    name: 'floor',
    pid: rows[0]?.pid ?? 0,
    write: (requests: readonly WriteRequest[]) =>
      client.query({ name: 'plain', text: statement, values: input(requests) }),
    end: () => client.end(),
  };

  function input(requests: readonly WriteRequest[]): string[] {
    const cells = requests.flatMap((request) =>
      request.changes.map((change) => {
        if (change.kind !== 'save') throw new Error('the floor knows saves only');
        return { request, change, fields: change.fields, owner: change.owner, changeNo: changeNo++ };
      }),
    );
    const plain = (of: (cell: (typeof cells)[number]) => string | number | null) => plainArray(cells.map(of));
    const quoted = (of: (cell: (typeof cells)[number]) => string | null) => textArray(cells.map(of));
    return [
      plain(({ request }) => request.workspaceId),
      plain(({ change }) => change.id),
      plain((cell) => cell.changeNo),
      plain(({ owner }) => owner.scope),
      quoted(({ owner }) => owner.userId),
      quoted(({ owner }) => owner.team),
      quoted(({ change }) => change.key),
      quoted(({ fields }) => fields.category),
      quoted(({ fields }) => fields.content),
      quoted(({ fields }) => textArray(fields.tags)),
      quoted(({ fields }) => JSON.stringify(fields.metadata)),
      quoted(({ request }) => request.author),
      plain(({ request }) => request.requestId ?? null),
      quoted(({ request }) => `\\x${Buffer.from(request.requestHash ?? []).toString('hex')}`),
    ];
  }
}
