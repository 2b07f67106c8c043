import { type Condition, parseCondition, satisfies } from './alerts/condition.ts';
import { read } from './alerts/reading.ts';
import type { WindowTotals } from './alerts/totals.ts';
import { isBulk } from './method-name.ts';

/** One of the service levels the guide asks for. */
export interface ServiceLevel {
  readonly name: string;
  /** What must hold. */
  readonly promise: Condition;
  /** The tighter value this project holds itself to, of the same metric. */
  readonly ours: (window: WindowTotals) => number;
}

/** `broken`: the guide's value is exceeded; `above ours`: only the project's own. */
export type LevelState = 'ok' | 'above ours' | 'broken' | 'unknown';

export interface LevelReading {
  readonly level: ServiceLevel;
  readonly value: number | undefined;
  readonly ours: number;
  readonly state: LevelState;
}

const MS = 1000;
const MB = 1e6;

/** The guide's table. Its seal and unseal are one metric: whichever takes longer. */
export const SERVICE_LEVELS: readonly ServiceLevel[] = [
  { name: 'API p95', promise: parseCondition('api.p95 < 200ms'), ours: () => 20 * MS },
  {
    name: 'memory (rss)',
    promise: parseCondition('rss < 500MB'),
    ours: ({ last }) => ((last?.gauges.processes.length ?? 0) > 1 ? 400 * MB : 150 * MB),
  },
  { name: 'config load', promise: parseCondition('config.load < 50ms'), ours: () => 10 * MS },
  { name: 'seal, unseal', promise: parseCondition('seal.p99 < 10ms'), ours: () => 0.1 * MS },
  { name: 'batch of 100', promise: parseCondition('BatchSaveMemories.p95 < 5s'), ours: () => 25 * MS },
];

/** How a window stands to every service level. */
export function readLevels(window: WindowTotals): readonly LevelReading[] {
  return SERVICE_LEVELS.map((level) => {
    const value = read(level.promise, window)[0]?.value;
    const ours = level.ours(window);
    return { level, value, ours, state: stateOf(level.promise, value, ours) };
  });
}

/** The level a method has to keep, of its own or that of the API; undefined for one that moves much or watches. */
export function levelOf(method: string): ServiceLevel | undefined {
  const own = SERVICE_LEVELS.find(({ promise }) => promise.subject === method);
  return own ?? (isBulk(method) ? undefined : SERVICE_LEVELS[0]);
}

/** The API's level, for the p95 of a single method in microseconds. */
export function methodLevel(p95Us: number | undefined): LevelState {
  const api = SERVICE_LEVELS[0] as ServiceLevel;
  return stateOf(api.promise, p95Us, 20 * MS);
}

function stateOf(promise: Condition, value: number | undefined, ours: number): LevelState {
  if (value === undefined) return 'unknown';
  if (!satisfies(value, promise, promise.threshold)) return 'broken';
  return satisfies(value, promise, ours) ? 'ok' : 'above ours';
}
