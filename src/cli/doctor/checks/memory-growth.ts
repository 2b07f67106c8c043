import { setTimeout as sleep } from 'node:timers/promises';
import { quantityText } from '../../../shared/alerts/quantity.ts';
import { bad, type Check, ok, warn } from '../finding.ts';
import { runLoad } from '../load.ts';

/** The sampler of processes looks once a second. */
const SAMPLED_MS = 1_200;
/** Growth a heap shows while it finds its size, and growth that must be looked at. */
const LIMITS = { warn: { share: 0.25, bytes: 32e6 }, bad: { share: 0.5, bytes: 64e6 } };

/** The same load again and again: what a server needs for it settles, what it leaks adds up. */
export const memoryGrowth: Check = {
  name: 'memory-growth',
  about: 'resident memory over the same load, repeated',
  async run(context) {
    const hubs = Array.from({ length: 4 }, () => context.connect('admin'));
    const seconds = context.quick ? 0.5 : 5;
    const resident: number[] = [];
    let calls = 0;
    // The first round is not counted: code is compiled in it, and caches fill.
    for (let round = 0; round <= (context.quick ? 3 : 6); round++) {
      const load = await runLoad({ hubs, seconds, concurrency: 10, batches: 2, signal: context.signal });
      await sleep(SAMPLED_MS);
      const { processes } = await context.stats();
      if (round === 0) continue;
      calls += load.api.count + load.batches.count;
      resident.push(processes.reduce((sum, { rssBytes }) => sum + Number(rssBytes), 0));
    }
    const first = resident[0] ?? 0;
    const grown = (resident.at(-1) ?? 0) - first;
    const said = `Resident memory over ${resident.length} rounds, ${calls} calls in all: ${resident
      .map((bytes) => quantityText(bytes, 'bytes'))
      .join(', ')}.`;
    const exceeds = ({ share, bytes }: { share: number; bytes: number }) => grown > bytes && grown > first * share;
    const advice = '`memory-hub profile heap --include-content` taken twice, some minutes apart, shows what grows.';
    if (exceeds(LIMITS.bad)) return [bad(said, advice)];
    return [exceeds(LIMITS.warn) ? warn(said, advice) : ok(said)];
  },
};
