import type { Client } from 'pg';
import type { RpcError } from '../../../src/shared/rpc-error.ts';

/**
 * What became of a write as far as its client can know. `failed` is a promise: nothing was written.
 * `unknown` may have been written, or be written later.
 */
export type Outcome = 'ok' | 'failed' | 'unknown';

/** One save, or one batch of them, with all its retries under one request_id. */
export interface Write {
  readonly workspace: string;
  readonly requestId: string;
  readonly ids: readonly string[];
  /** What was saved under them; no two writes of a run share a value. */
  readonly values: readonly string[];
  readonly outcome: Outcome;
  /** Of a write that is ok: the change numbers it was answered with. */
  readonly changes: readonly bigint[];
  /** performance.now() before the first try and after the last answer. */
  readonly begun: number;
  readonly ended: number;
}

/** One read that was answered, of one memory. */
export interface Read {
  readonly workspace: string;
  readonly id: string;
  readonly strong: boolean;
  /** Change number of what was read; 0: there was none. */
  readonly change: bigint;
  readonly value: string;
  readonly begun: number;
  readonly ended: number;
}

/** One try that was not answered well. */
export interface Failure {
  readonly call: string;
  readonly error: RpcError;
  readonly at: number;
}

export interface History {
  readonly writes: Write[];
  readonly reads: Read[];
  readonly failures: Failure[];
}

/** A row of memory_revisions, or of memories. */
export interface StoredRow {
  readonly workspace: string;
  readonly id: string;
  readonly change: bigint;
  readonly value: string;
}

/** What is in Postgres. */
export interface Stored {
  readonly revisions: readonly StoredRow[];
  readonly memories: readonly StoredRow[];
  readonly requests: readonly { readonly workspace: string; readonly requestId: string; readonly changes: number }[];
  readonly heads: ReadonlyMap<string, bigint>;
}

/** Reads all of it, past the servers. */
export async function readStored(client: Client): Promise<Stored> {
  const rows = async (table: string, id: string): Promise<StoredRow[]> => {
    const { rows: found } = await client.query<{ workspace: string; id: string; change: string; value: string }>(
      `SELECT w.name workspace, m.${id} id, m.change_no::text change, m.content value
         FROM ${table} m JOIN workspaces w ON w.id = m.workspace_id ORDER BY m.workspace_id, m.change_no`,
    );
    return found.map((row) => ({ ...row, change: BigInt(row.change) }));
  };
  const requests = await client.query<{ workspace: string; requestId: string; changes: number }>(
    `SELECT w.name workspace, l.request_id "requestId", l.changes
       FROM request_log l JOIN workspaces w ON w.id = l.workspace_id`,
  );
  const heads = await client.query<{ name: string; head: string }>(
    'SELECT w.name, h.head::text FROM workspace_heads h JOIN workspaces w ON w.id = h.workspace_id',
  );
  return {
    revisions: await rows('memory_revisions', 'memory_id'),
    memories: await rows('memories', 'id'),
    requests: requests.rows,
    heads: new Map(heads.rows.map(({ name, head }) => [name, BigInt(head)])),
  };
}
