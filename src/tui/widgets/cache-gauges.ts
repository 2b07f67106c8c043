import { rate, total } from '../state/over-slots.ts';
import type { Gauges, Slot } from '../state/slot.ts';
import { alignRight, type Line } from '../terminal/line.ts';
import type { Theme } from '../terminal/theme.ts';
import { formatBytes, formatCount, formatShare } from './format.ts';
import { field, type GaugePanel, row } from './gauges.ts';
import { meter } from './graph.ts';

const METER_WIDTH = 8;

/** Which layer answered the reads of the window, and what this process holds. */
export function cacheLayers(slots: readonly Slot[], width: number, theme: Theme): GaugePanel {
  const now = slots.at(-1)?.gauges;
  const title = 'Cache layers';
  if (now === undefined || now.cache === undefined)
    return { title, note: [], lines: [[{ text: 'no data yet', tone: 'dim' }]] };
  const count = (pick: (cache: NonNullable<Gauges['cache']>) => number) =>
    total(slots, ({ gauges }) => gauges.cache && pick(gauges.cache));
  const layers = [
    ['process', count(({ localHits }) => localHits)],
    ...(now.redis === undefined ? [] : ([['Redis', count(({ redisHits }) => redisHits)]] as const)),
    ['missed', count(({ misses }) => misses)],
  ] as const;
  const reads = layers.reduce((sum, [, hits]) => sum + hits, 0);
  const refused = count(({ refusedFills }) => refusedFills);
  const { localBytes, localMaxBytes, localEntries } = now.cache;
  return {
    title,
    note: [{ text: `${formatCount(rate(slots, reads))} reads/s`, tone: 'dim' }],
    lines: [
      ...layers.map(([name, hits]): Line => {
        const share = reads === 0 ? 0 : hits / reads;
        return row(
          width,
          [
            { text: name.padEnd(8), tone: 'dim' },
            ...(width < 26 ? [] : meter(share, METER_WIDTH, false, theme)),
            alignRight(reads === 0 ? '-' : formatShare(share), 6),
          ],
          [`${formatCount(rate(slots, hits))}/s`],
        );
      }),
      row(
        width,
        field('held', `${formatBytes(localBytes)}/${formatBytes(localMaxBytes)}`),
        field('entries', formatCount(localEntries)),
        field('refused fills', formatCount(refused)),
      ),
    ],
  };
}
