import { RpcError } from '../../shared/rpc-error.ts';
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
import { symptomFindings, symptoms } from './checks/symptoms.ts';
import { handshakes, tls } from './checks/tls.ts';
import { type ContextOptions, dial, withContext } from './context.ts';
import { bad, type Check, type Finding, skipped } from './finding.ts';
import { CHECK_NAMES, type CheckName } from './names.ts';

const CHECKS: Readonly<Record<CheckName, Check>> = {
  tls,
  symptoms,
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

export interface RunOptions extends ContextOptions {
  readonly only: readonly CheckName[];
}

/**
 * Runs the checks one after another: one that loads the server would spoil the figures of another.
 *
 * @throws ConfigError, RpcError, or the reason of the signal
 */
export async function runChecks(
  options: RunOptions,
  progress: (check: Check, done: number, total: number) => void,
  found: (outcome: Outcome) => void,
): Promise<void> {
  const names = CHECK_NAMES.filter((name) => options.only.length === 0 || options.only.includes(name));
  try {
    await withContext(options, async (context) => {
      for (const [done, name] of names.entries()) {
        const check = CHECKS[name];
        progress(check, done, names.length);
        const findings = await check.run(context).catch((error: unknown): Finding[] => {
          options.signal.throwIfAborted();
          const said = error instanceof Error ? error.message : String(error);
          return [
            bad(`The check could not be made: ${said}.`, 'See the log of the server, and whether it still runs.'),
          ];
        });
        found({ check: check.name, findings });
      }
    });
  } catch (error) {
    const reason = await whyNoCalls(error, options, names);
    if (reason === undefined) throw error;
    found(reason);
    for (const check of names.filter((name) => name !== reason.check)) {
      found({ check, findings: [skipped(`The server takes no calls: see ${reason.check}.`)] });
    }
  }
}

/** Where no call gets through, the check that is there to find out why. */
async function whyNoCalls(
  error: unknown,
  { target, signal }: RunOptions,
  names: readonly CheckName[],
): Promise<Outcome | undefined> {
  if (signal.aborted || !(error instanceof RpcError)) return undefined;
  if (error.codeName === 'UNAVAILABLE' && target.tls !== undefined && names.includes('tls')) {
    const findings = await handshakes(target);
    // Nobody listens there: nothing is wrong with the TLS of somebody.
    const isThere = findings.every(({ said }) => !/ECONNREFUSED|ENOTFOUND|EHOSTUNREACH|ETIMEDOUT/.test(said));
    return isThere && findings.some(({ state }) => state === 'bad') ? { check: 'tls', findings } : undefined;
  }
  // Statistics are told also by a server that has no room for anything else.
  if (error.codeName !== 'RESOURCE_EXHAUSTED' || !names.includes('symptoms')) return undefined;
  const operator = dial(target, target.credential);
  try {
    const findings = await symptomFindings(operator, undefined);
    return findings.some(({ state }) => state === 'bad') ? { check: 'symptoms', findings } : undefined;
  } finally {
    operator.close();
  }
}
