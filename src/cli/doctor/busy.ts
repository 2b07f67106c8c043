import { availableParallelism, loadavg } from 'node:os';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import type { DoctorContext } from './context.ts';
import { bad, type Finding, warn } from './finding.ts';

/** Programs that want to run, for each core: with more, whoever is measured waits for its turn. */
const PER_CORE = 1.5;

/**
 * Why latencies that are measured now say little of the server: other programs want the processor of
 * this machine. Undefined when they do not.
 *
 * @param server as it is, if it runs on this machine too: what it takes for itself is its own fault
 */
export function busyMachine(server: StatsFrame | undefined, load = loadavg()[0] ?? 0): string | undefined {
  const cores = availableParallelism();
  const own = server?.processes.reduce((sum, { cpu }) => sum + cpu, 0) ?? 0;
  const others = Math.max(0, load - own);
  if (others <= cores * PER_CORE) return undefined;
  return `other programs kept the ${cores} cores of this machine busy, with a load of ${others.toFixed(1)}`;
}

/** Bad, unless other programs on this machine explain it as well. */
export function machineCould({ busy }: Pick<DoctorContext, 'busy'>, said: string, advice: string): Finding {
  if (busy === undefined) return bad(said, advice);
  return warn(
    `${said.replace(/\.$/, '')}; it cannot be judged: ${busy}.`,
    'Run it again when the machine is idle, or with --strict, which judges all the same.',
  );
}
