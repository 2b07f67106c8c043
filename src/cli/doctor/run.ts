import { cache } from './checks/cache.ts';
import { clock } from './checks/clock.ts';
import { disk } from './checks/disk.ts';
import { errorHandling } from './checks/errors.ts';
import { files } from './checks/files.ts';
import { indexUse } from './checks/index-use.ts';
import { keys } from './checks/keys.ts';
import { logging } from './checks/logging.ts';
import { memoryGrowth } from './checks/memory-growth.ts';
import { metrics } from './checks/metrics.ts';
import { migrations } from './checks/migrations.ts';
import { pool } from './checks/pool.ts';
import { redis } from './checks/redis.ts';
import { roles } from './checks/roles.ts';
import { secrets } from './checks/secrets.ts';
import { serviceLevels } from './checks/service-levels.ts';
import { tls } from './checks/tls.ts';
import { type ContextOptions, withContext } from './context.ts';
import { bad, type Check, type Finding } from './finding.ts';
import { CHECK_NAMES, type CheckName } from './names.ts';

const CHECKS: Readonly<Record<CheckName, Check>> = {
  tls,
  keys,
  roles,
  secrets,
  files,
  'error-handling': errorHandling,
  migrations,
  'index-use': indexUse,
  pool,
  redis,
  cache,
  logging,
  metrics,
  clock,
  disk,
  'service-levels': serviceLevels,
  'memory-growth': memoryGrowth,
};

/** What one check found. */
export interface Outcome {
  readonly check: string;
  readonly findings: readonly Finding[];
}

/** Runs the checks one after another: one that loads the server would spoil the figures of another. */
export function runChecks(
  options: ContextOptions & { readonly only: readonly CheckName[] },
  progress: (check: Check, done: number, total: number) => void,
  found: (outcome: Outcome) => void,
): Promise<void> {
  const names = CHECK_NAMES.filter((name) => options.only.length === 0 || options.only.includes(name));
  return withContext(options, async (context) => {
    for (const [done, name] of names.entries()) {
      const check = CHECKS[name];
      progress(check, done, names.length);
      const findings = await check.run(context).catch((error: unknown): Finding[] => {
        const said = error instanceof Error ? error.message : String(error);
        return [bad(`The check could not be made: ${said}.`, 'See the log of the server, and whether it still runs.')];
      });
      found({ check: check.name, findings });
    }
  });
}
