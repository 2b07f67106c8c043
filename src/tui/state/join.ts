import { foldSlots } from './fold.ts';
import type { Slot } from './slot.ts';

/**
 * The slots of two servers for the same stretch as one: counts and histograms are added, which is
 * exact; gauges stand side by side, so they are added too, but for those of the one Redis both see.
 */
export function joinSlots(a: Slot, b: Slot): Slot {
  const folded = foldSlots(a, b);
  const inFlight = new Map(a.methods.map((method) => [method.name, method.inFlight]));
  const later = new Set(b.methods.map(({ name }) => name));
  return {
    ...folded,
    endMs: Math.max(a.endMs, b.endMs),
    coveredMs: Math.max(a.coveredMs, b.coveredMs),
    sequence: Math.max(a.sequence, b.sequence),
    merged: Math.max(a.merged, b.merged),
    bootId: [...new Set([...a.bootId.split(' '), ...b.bootId.split(' ')])].sort().join(' '),
    bootMs: Math.max(a.bootMs, b.bootMs),
    replica: '',
    version: [...new Set([...a.version.split(' / '), ...b.version.split(' / ')])].sort().join(' / '),
    replicas: a.replicas + b.replicas,
    methods: folded.methods.map((method) =>
      later.has(method.name) ? { ...method, inFlight: method.inFlight + (inFlight.get(method.name) ?? 0) } : method,
    ),
    clients: {
      ...folded.clients,
      streams: openOf('streams', a, b, folded),
      stalled: openOf('stalled', a, b, folded),
    },
    gauges: { ...folded.gauges, ...joinedGauges(a, b, folded) },
  };
}

function openOf(name: 'streams' | 'stalled', a: Slot, b: Slot, { clients }: Slot): Uint32Array {
  const of = ({ clients: { who, [name]: open } }: Slot, caller: Slot['clients']['who'][number]) =>
    open[who.indexOf(caller)] ?? 0;
  return Uint32Array.from(clients.who, (caller) => of(a, caller) + of(b, caller));
}

/** Process ids repeat between machines, so each is told with its server. */
function processesOf({ replica, gauges }: Slot): Slot['gauges']['processes'] {
  return replica === '' ? gauges.processes : gauges.processes.map((process) => ({ ...process, replica }));
}

function joinedGauges(a: Slot, b: Slot, { gauges }: Slot): Partial<Slot['gauges']> {
  const { postgres, redis, cache } = a.gauges;
  const other = b.gauges;
  return {
    postgres:
      gauges.postgres && postgres
        ? {
            ...gauges.postgres,
            up: gauges.postgres.up && postgres.up,
            poolMax: gauges.postgres.poolMax + postgres.poolMax,
            poolSize: gauges.postgres.poolSize + postgres.poolSize,
            poolBusy: gauges.postgres.poolBusy + postgres.poolBusy,
            poolWaiting: gauges.postgres.poolWaiting + postgres.poolWaiting,
            commitQueue: gauges.postgres.commitQueue + postgres.commitQueue,
          }
        : (gauges.postgres ?? postgres),
    redis: gauges.redis && redis ? { ...gauges.redis, up: gauges.redis.up && redis.up } : (gauges.redis ?? redis),
    cache:
      gauges.cache && cache
        ? {
            ...gauges.cache,
            localEntries: gauges.cache.localEntries + cache.localEntries,
            localBytes: gauges.cache.localBytes + cache.localBytes,
            localMaxBytes: gauges.cache.localMaxBytes + cache.localMaxBytes,
          }
        : (gauges.cache ?? cache),
    processes: [...processesOf(a), ...processesOf(b)],
    connections:
      a.gauges.connections && other.connections
        ? {
            connections: a.gauges.connections.connections + other.connections.connections,
            streams: a.gauges.connections.streams + other.connections.streams,
            watchers: a.gauges.connections.watchers + other.connections.watchers,
          }
        : (other.connections ?? a.gauges.connections),
    configLoadUs: Math.max(a.gauges.configLoadUs, other.configLoadUs),
  };
}
