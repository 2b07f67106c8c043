import type { RedisUsage } from './redis-connection.ts';

/** Fewer keys come and go by themselves. */
const MANY_KEYS = 100;
/** Expiry and eviction take no such share between two looks; a purge may, and leaves the mark. */
const LEFT_SHARE = 0.1;

/** One sentence when Redis lost nearly all of its keys between two looks: nobody else would tell of a FLUSHALL. */
export function emptiedText(before: RedisUsage, now: RedisUsage): string | undefined {
  if (now.marked || before.keys < MANY_KEYS || now.keys > before.keys * LEFT_SHARE) return undefined;
  // Zeros are also what is known of a Redis that did not answer; one that does has bytes in use.
  if (now.usedBytes === 0) return undefined;
  return `Redis was emptied: it held ${before.keys} keys, and now ${now.keys}; reads fill it again from PostgreSQL`;
}
