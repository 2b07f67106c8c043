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
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return idText(bytes, 0);
}

/**
 * The id of a memory that has a key: a UUIDv8 (RFC 9562, 5.8 and B.2), the first 128 bits of SHA-256
 * over the JSON array of a name space, the workspace's name, scope, owner and key, with version and
 * variant set. Version 5 would do the same with SHA-1. JSON keeps the parts apart whatever is in
 * them; the workspace goes in by name, so that a workspace moved to another server keeps its ids.
 */
export function keyedId(workspace: string, owner: Owner, key: string): string {
  const { scope, userId, team } = owner;
  const name = JSON.stringify(['memoryhub.v1.Memory', workspace, scope, userId, team, key]);
  // Hexadecimal: as a buffer it takes four times as long, and to look known ids up longer than to make them.
  const hex = hash('sha256', name, 'hex');
  const variant = ((Number.parseInt(hex[16] as string, 16) & 0b11) | 0b1000).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
