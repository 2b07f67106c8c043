import { byId } from '../by-id.ts';
import { bad, type Check, ok, skipped } from '../finding.ts';

export const redis: Check = {
  name: 'redis',
  about: 'whether Redis answers the server',
  async run(context) {
    // The server learns of it with the next call that asks Redis.
    const hub = context.connect('admin');
    const { id } = await hub.memories.saveMemory({ memory: { content: 'for Redis' } });
    for (let n = 0; n < 5; n++) await hub.memories.getMemory(byId(id));
    const { redis: seen } = await context.stats();
    if (seen === undefined) {
      const wanted = context.onThisMachine && context.config.redis_url !== undefined;
      if (!wanted) return [skipped('The server has no Redis.')];
      return [
        bad('REDIS_URL is set here, and the server runs without Redis.', 'Restart the server with these settings.'),
      ];
    }
    if (!seen.up) {
      return [
        bad(
          `Redis does not answer the server; ${seen.errors} commands have failed since it started.`,
          'See that Redis runs and that the server reaches REDIS_URL. Until then reads go to the database.',
        ),
      ];
    }
    const used = `${(Number(seen.usedBytes) / 1e6).toFixed(1)} MB in ${seen.keys} keys`;
    return [
      ok(`Redis answers the server, and holds ${used}; ${seen.errors} commands failed since the server started.`),
    ];
  },
};
