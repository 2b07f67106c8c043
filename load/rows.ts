import { credentials, Metadata } from '@grpc/grpc-js';
import type { ConnectionPool } from '../src/server/database/connection-pool.ts';
import { keyedId } from '../src/server/domain/ids.ts';
import { Scope } from '../src/server/domain/memory.ts';
import type { Memory } from '../src/shared/gen/memoryhub/v1/memory.ts';
import {
  BatchGetMemoriesRequest,
  BatchSaveMemoriesRequest,
  MemoryServiceClient,
} from '../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { Target } from './server.ts';

const BATCH = 1000;
const IN_FLIGHT = 3;

const SENTENCES = [
  'Deploys happen Tuesdays 14:00-16:00 UTC, outside of the December freeze.',
  'The billing service keeps its own copy of customers and lags by up to a minute.',
  'Prefers short answers, in Korean when asked in Korean.',
  '사용자는 아침에 정리된 요약을 받는 것을 좋아하고, 표보다 문장을 선호한다.',
  '결제 서비스의 재시도는 세 번까지만 허용되며, 그 뒤에는 담당자에게 알린다.',
  'Staging is rebuilt every night at 03:00 UTC; anything kept there is lost.',
  'On-call hands over on Mondays at 10:00; the runbook is in the platform wiki.',
];
const CATEGORIES = ['fact', 'decision', 'preference', 'task', 'incident'];

/** Saves so many memories of realistic lengths, the same ones every time: most short, some long, a quarter in Korean. */
export async function saveRows(target: Target, rows: number): Promise<void> {
  const client = new MemoryServiceClient(target.address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${target.credential}`);
  const batches = rowsInBatches(rows);
  const saver = async () => {
    for (const memories of batches) {
      const request = BatchSaveMemoriesRequest.fromPartial({ memories, note: 'rows of the load suite' });
      await new Promise<void>((resolve, reject) => {
        client.batchSaveMemories(request, metadata, (error) => (error ? reject(error) : resolve()));
      });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, saver));
  client.close();
}

/** Reads each of them once, so that caches have what can be cached. */
export async function readRows(target: Target, rows: number): Promise<void> {
  for (let first = 0; first < rows; first += BATCH) {
    await getRows(
      target,
      Array.from({ length: Math.min(BATCH, rows - first) }, (_, i) => first + i),
    );
  }
}

/** The memories of these numbers. */
export async function getRows(target: Target, numbers: readonly number[]): Promise<Memory[]> {
  const client = new MemoryServiceClient(target.address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${target.credential}`);
  const owner = { scope: Scope.WORKSPACE, userId: '', team: '' };
  const ids = numbers.map((number) => keyedId('default', owner, keyOf(number)));
  try {
    return await new Promise((resolve, reject) => {
      client.batchGetMemories(BatchGetMemoriesRequest.fromPartial({ ids }), metadata, (error, found) => {
        if (error) reject(error);
        else if (found.memories.length < ids.length)
          reject(new Error(`of ${ids.length} memories ${found.memories.length} are there`));
        else resolve(found.memories);
      });
    });
  } finally {
    client.close();
  }
}

/** The same into the tables of workspace 1, past the service: for what measures less than a server. */
export async function insertRows(pool: ConnectionPool, rows: number): Promise<void> {
  await pool.query({ text: 'INSERT INTO workspace_heads (workspace_id) VALUES (1) ON CONFLICT DO NOTHING' });
  for (const memories of rowsInBatches(rows)) await pool.query({ text: INSERT, values: [JSON.stringify(memories)] });
  await pool.query({ text: 'VACUUM ANALYZE' });
}

const COLUMNS = 'revision, change_no, key, scope, category, content, tags, metadata, author, create_time, update_time';
const INSERT = `
WITH h AS (UPDATE workspace_heads SET head = head + jsonb_array_length($1::jsonb) WHERE workspace_id = 1 RETURNING head),
m AS (
  INSERT INTO memories (workspace_id, id, ${COLUMNS})
  SELECT 1, gen_random_uuid(), 1, head - ordinality + 1, r->>'key', (r->>'scope')::int2, r->>'category', r->>'content',
         ARRAY(SELECT jsonb_array_elements_text(r->'tags')), r->'metadata', 'load', clock_timestamp(), clock_timestamp()
    FROM h, jsonb_array_elements($1::jsonb) WITH ORDINALITY x(r, ordinality) RETURNING *)
INSERT INTO memory_revisions (workspace_id, memory_id, operation, ${COLUMNS})
SELECT workspace_id, id, 1, ${COLUMNS} FROM m`;

function* rowsInBatches(rows: number) {
  const random = generator(20_260_101);
  for (let first = 0; first < rows; first += BATCH) {
    yield Array.from({ length: Math.min(BATCH, rows - first) }, (_, index) => row(first + index, random));
  }
}

/** Key of the row of this number, from 0. */
export function keyOf(number: number): string {
  return `row/${number}`;
}

function row(number: number, random: () => number) {
  // Log-normal: a median of about 200 characters, one in a hundred beyond 2000.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const length = Math.min(8000, Math.round(200 * Math.exp(normal)));
  let content = '';
  while (content.length < length) content += `${SENTENCES[Math.floor(random() * SENTENCES.length)]} `;
  return {
    scope: Scope.WORKSPACE,
    key: keyOf(number),
    category: CATEGORIES[Math.floor(random() * CATEGORIES.length)] as string,
    content: content.slice(0, Math.max(20, length)).trim(),
    tags: ['load', `tag-${Math.floor(random() * 50)}`],
    metadata: { ticket: `OPS-${Math.floor(random() * 5000)}`, priority: Math.floor(random() * 5) },
  };
}

/** The same numbers for the same seed, 0 to 1 (mulberry32, Tommy Ettinger, public domain). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
