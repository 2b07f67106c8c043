import { hash, randomFillSync } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Owner } from './memory.ts';
import { idText } from './memory-row.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The UUID in lower case; undefined when the text is not one (of any version). */
export function parseUuid(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

/** Randomness is drawn for many ids at once: one system call a page of them. */
const pool = Buffer.alloc(10 * 400);
let poolOffset = pool.length;
const bytes = Buffer.alloc(16);

/**
 * A UUIDv7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then 74 random ones. So new rows go to the
 * end of the primary key's index; nothing is ever ordered by the time in an id.
 */
export function newId(nowMs: number = Date.now()): string {
  if (poolOffset === pool.length) {
    randomFillSync(pool);
    poolOffset = 0;
  }
  bytes.writeUIntBE(nowMs, 0, 6);
  for (let at = 6; at < 16; at++) bytes[at] = pool[poolOffset++] as number;
  return format(bytes, 7);
}

/**
 * The id of a memory that has a key: a UUIDv8 (RFC 9562, 5.8 and B.2), the first 128 bits of SHA-256
 * over the JSON array of a name space, the workspace's name, scope, owner and key, with version and
 * variant set. Version 5 would do the same with SHA-1. JSON keeps the parts apart whatever is in
 * them; the workspace goes in by name, so that a workspace moved to another server keeps its ids.
 */
export function keyedId(workspace: string, owner: Owner, key: string): string {
  const { scope, userId, team } = owner;
  const place = `${scope},${workspace.length},${userId.length},${team.length}:${workspace}${userId}${team}${key}`;
  // Which was used last is not kept up: that takes more memory to be looked at than the id.
  let id = keyedIds.peek(place);
  if (id === undefined) {
    const name = JSON.stringify(['memoryhub.v1.Memory', workspace, scope, userId, team, key]);
    id = format(hash('sha256', name, 'buffer').subarray(0, 16), 8);
    keyedIds.set(place, id);
  }
  return id;
}

/** The hash takes 4 us, a tenth of a cached read, and callers come back to the same keys. In bytes, about. */
const keyedIds = new LRUCache<string, string>({
  maxSize: 4 * 1024 * 1024,
  sizeCalculation: (_id, place) => 200 + 2 * place.length,
});

function format(bytes: Buffer, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return idText(bytes, 0);
}
