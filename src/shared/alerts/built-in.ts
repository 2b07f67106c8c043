import { type AlertRule, type RuleText, ruleOf } from './rule.ts';

/** The service levels of the guide, and what makes a service fail them before long. */
const BUILT_IN: readonly RuleText[] = [
  { name: 'api-latency', when: '*.p95 > 200ms' },
  { name: 'error-rate', when: 'api.faults > 1%', severity: 'critical' },
  { name: 'memory', when: 'rss > 500MB', forMs: 60_000 },
  { name: 'batch-latency', when: 'BatchSaveMemories.p95 > 5s', minCalls: 1 },
  { name: 'config-load', when: 'config.load > 50ms', forMs: 0 },
  { name: 'seal-latency', says: 'secrets are slow to seal or to open', when: 'seal.p99 > 10ms' },
  {
    name: 'postgres-down',
    says: 'Postgres does not answer',
    when: 'postgres.up < 1',
    forMs: 2000,
    severity: 'critical',
  },
  { name: 'redis-down', says: 'Redis does not answer', when: 'redis.up < 1', forMs: 2000 },
  { name: 'pool-waiting', when: 'pool.waiting > 0', forMs: 10_000 },
  { name: 'pool-slow', when: 'pool.acquire.p99 > 100ms' },
  { name: 'loop-delay', when: 'loop.delay > 100ms', forMs: 10_000 },
  { name: 'gc', when: 'gc > 20%' },
  { name: 'shed', when: 'shed > 0', windowMs: 10_000, forMs: 0, clearForMs: 30_000 },
  {
    name: 'target-down',
    says: 'a server that is watched does not answer',
    when: 'targets.down > 0',
    forMs: 5000,
    clearForMs: 0,
    severity: 'critical',
  },
];

/** The rules that hold unless a file says otherwise. */
export const BUILT_IN_RULES: readonly AlertRule[] = BUILT_IN.map(ruleOf);
