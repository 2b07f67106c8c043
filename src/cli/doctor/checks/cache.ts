import { setTimeout as sleep } from 'node:timers/promises';
import { quantityText } from '../../../shared/alerts/quantity.ts';
import type { StatsFrame } from '../../../shared/gen/memoryhub/v1/stats_service.ts';
import type { MemoryHub } from '../../../shared/service-client.ts';
import { byId } from '../by-id.ts';
import type { DoctorContext } from '../context.ts';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';

const CONNECTIONS = 4;
const HOT = 20;
/** Below it the cache is too small, or is emptied all the time. */
const WANTED_HITS = 0.8;
/** Workers tell of their counts once a second. */
const TOLD_MS = 1_200;

export const cache: Check = {
  name: 'cache',
  about: 'hit rate of repeated reads, and that no read is older than the write before it',
  async run(context) {
    const hubs = Array.from({ length: CONNECTIONS }, () => context.connect('admin'));
    return [await coherence(hubs, context.quick ? 50 : 500), await hitRate(context, hubs)];
  },
};

/** Write, read twice, write, read twice; each on another connection, which may be with another process. */
async function coherence(hubs: readonly MemoryHub[], rounds: number): Promise<Finding> {
  const hubOf = (n: number) => hubs[n % hubs.length] as MemoryHub;
  let reads = 0;
  let stale = 0;
  const saved = await hubOf(0).memories.saveMemory({ memory: { content: 'version 0' } });
  for (let n = 1; n <= rounds; n++) {
    const content = `version ${n}`;
    await hubOf(n).memories.updateMemory({ memory: { id: saved.id, content }, updateMask: ['content'] });
    for (const reader of [hubOf(n + 1), hubOf(n + 2)]) {
      const memory = await reader.memories.getMemory(byId(saved.id));
      reads += 1;
      if (memory.content !== content) stale += 1;
    }
  }
  const said = `${rounds} writes, each read twice over other connections: ${stale} of ${reads} reads were older than the write before them.`;
  if (stale === 0) return ok(said);
  return bad(said, 'All servers of one database must have the same REDIS_URL, and Redis must not be a replica.');
}

async function hitRate(context: DoctorContext, hubs: readonly MemoryHub[]): Promise<Finding> {
  const before = await context.stats();
  const reason = uncached(before);
  if (reason !== undefined) return skipped(`Hit rate: ${reason}.`);
  const settled = () => sleep(before.processes.length > 1 ? TOLD_MS : 0);
  const contents = Array.from({ length: HOT }, (_, n) => ({ content: `hot ${n}` }));
  const [first] = hubs as [MemoryHub];
  const { memories } = await first.memories.batchSaveMemories({ memories: contents });
  await settled();
  const start = counts(await context.stats());
  for (let round = 0; round < 20; round++) {
    const { memories: api } = hubs[round % hubs.length] as MemoryHub;
    await Promise.all(memories.map(({ id }) => api.getMemory(byId(id))));
  }
  await settled();
  const after = counts(await context.stats());
  const hits = after.hits - start.hits;
  const asked = hits + after.misses - start.misses;
  const rate = asked === 0 ? 0 : hits / asked;
  const said = `Hit rate: ${quantityText(rate, 'share')} of ${asked} reads of ${HOT} hot memories came from the cache.`;
  if (rate >= WANTED_HITS) return ok(said);
  // Without Redis, several processes may not keep what another one may change.
  if (hits === 0 && before.redis === undefined) {
    return skipped(
      `${said} Without REDIS_URL a server that does not own its database caches no reads that must see every write.`,
    );
  }
  return warn(
    said,
    'MEMORYHUB_CACHE_BYTES or the memory of Redis may be too small: see the cache screen of the monitor.',
  );
}

function uncached({ cache: now, redis }: StatsFrame): string | undefined {
  if (redis !== undefined && !redis.up) return 'Redis does not answer, so reads go to the database';
  if (redis === undefined && now?.localMaxBytes === 0n) return 'MEMORYHUB_CACHE_BYTES is 0 and there is no Redis';
  return undefined;
}

function counts({ cache: now }: StatsFrame): { hits: number; misses: number } {
  return { hits: Number((now?.localHits ?? 0n) + (now?.redisHits ?? 0n)), misses: Number(now?.misses ?? 0n) };
}
