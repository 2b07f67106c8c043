/**
 * Connections a process may open beside its pool: the group commit, a spare while one is replaced, and the
 * one of the polls.
 */
export const CONNECTIONS_BESIDE_POOL = 3;

interface PoolSettings {
  readonly pool_size: number;
  readonly pool_overflow: number;
  readonly workers: number;
}

/** The most connections the pool of one worker may open. */
export function poolMaxOf({ pool_size, pool_overflow, workers }: PoolSettings): number {
  return Math.floor((pool_size + pool_overflow) / workers);
}

/** The most connections a server may open, all its workers together. */
export function connectionsOf(settings: PoolSettings): number {
  return (poolMaxOf(settings) + CONNECTIONS_BESIDE_POOL) * settings.workers;
}
