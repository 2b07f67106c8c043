import { poolMaxOf } from '../../server/database/pool-share.ts';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { DoctorContext } from './context.ts';

/**
 * Where the running server differs from the settings of this environment, as far as its statistics
 * show: what is said of these settings then says nothing of it.
 */
export function otherSettings(
  { config, database }: Pick<DoctorContext, 'config' | 'database'>,
  { redis, processes, postgres }: Pick<StatsFrame, 'redis' | 'processes' | 'postgres'>,
): string[] {
  const workers = Math.max(1, processes.length);
  const poolMax = poolMaxOf(config) * config.workers;
  const differences: string[] = [];
  if (redis !== undefined && config.redis_url === undefined)
    differences.push('it has a Redis, and REDIS_URL is not set');
  if (redis === undefined && config.redis_url !== undefined) differences.push('it has no Redis, and REDIS_URL is set');
  if (workers !== config.workers) differences.push(`it has ${workers} processes instead of ${config.workers}`);
  if (postgres !== undefined && postgres.poolMax !== poolMax) {
    differences.push(`its pool has ${postgres.poolMax} connections instead of ${poolMax}`);
  }
  if ('missing' in database) differences.push(database.missing);
  return differences;
}
