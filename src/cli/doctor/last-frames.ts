import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { MemoryHub } from '../../shared/service-client.ts';

/** What a server did in its last seconds, a frame for each. */
export async function lastFrames(operator: MemoryHub, seconds: number): Promise<StatsFrame[]> {
  const frames: StatsFrame[] = [];
  const interval = { seconds: 1n, nanos: 0 };
  for await (const { frame } of operator.stats.watchStats({
    interval,
    replay: { seconds: BigInt(seconds), nanos: 0 },
  })) {
    if (frame !== undefined) frames.push(frame);
    // The first of those that are not of the past ends it: it has what was under way.
    if (frame?.replayed !== true) break;
  }
  return frames;
}
