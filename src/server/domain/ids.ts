import { hash, randomFillSync } from 'node:crypto';
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
  const known = keyedIds.get(place);
  if (known !== undefined) return known;
  const name = JSON.stringify(['memoryhub.v1.Memory', workspace, scope, userId, team, key]);
  const id = format(hash('sha256', name, 'buffer').subarray(0, 16), 8);
  // The oldest gives way: to know which was used last takes more memory to be looked at than the id.
  while (keyedIdChars > KEYED_IDS_MAX_CHARS) forgetOldest();
  keyedIds.set(place, id);
  keyedIdChars += place.length + ENTRY_CHARS;
  return id;
}

/** The hash takes 4 us, a tenth of a cached read, and callers come back to the same keys. */
const keyedIds = new Map<string, string>();
/** At one or two bytes each, some 4 MiB. */
const KEYED_IDS_MAX_CHARS = 2_000_000;
/** What an entry takes besides its place. */
const ENTRY_CHARS = 100;
let keyedIdChars = 0;
/** Kept, since a new iterator would walk over all that was deleted before. */
let oldestFirst = keyedIds.keys();

function forgetOldest(): void {
  const { value: oldest } = oldestFirst.next();
  if (oldest === undefined) {
    oldestFirst = keyedIds.keys();
    return;
  }
  keyedIds.delete(oldest);
  keyedIdChars -= oldest.length + ENTRY_CHARS;
}

function format(bytes: Buffer, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | (version << 4);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return idText(bytes, 0);
}
