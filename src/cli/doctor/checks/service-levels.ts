import { conditionText, satisfies } from '../../../shared/alerts/condition.ts';
import { quantityText } from '../../../shared/alerts/quantity.ts';
import { read } from '../../../shared/alerts/reading.ts';
import { stretchOf } from '../../../shared/alerts/stretch.ts';
import { WindowTotals } from '../../../shared/alerts/totals.ts';
import { SERVICE_LEVELS } from '../../../shared/service-levels.ts';
import { machineCould } from '../busy.ts';
import type { DoctorContext } from '../context.ts';
import { bad, type Check, type Finding, ok, skipped, warn } from '../finding.ts';
import { lastFrames } from '../last-frames.ts';
import { type LoadResult, runLoad } from '../load.ts';
import { symptomsOf } from '../symptoms.ts';

const CONCURRENCY = 10;
const ADVICE = 'Watch it with `memory-hub monitor`, whose methods screen shows in which stage the time goes.';
const P95 = 0.95;
/** What other programs on the machine make slower. */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(['api', 'BatchSaveMemories', 'seal.p99']);

/** The guide's levels, under a load of the doctor's own: latencies as a caller sees them, the rest as the server tells. */
export const serviceLevels: Check = {
  name: 'service-levels',
  about: 'latency, memory and start-up against the service levels, under a short load',
  async run(context) {
    const hubs = Array.from({ length: 4 }, () => context.connect('admin'));
    const seconds = context.quick ? 2 : 10;
    const batches = context.quick ? 5 : 30;
    const load = await runLoad({ hubs, seconds, concurrency: CONCURRENCY, batches, signal: context.signal });
    const window = new WindowTotals([stretchOf(await context.stats())]);
    const levels = SERVICE_LEVELS.map((level): Finding => {
      const { promise, name } = level;
      const value = seen(promise.subject, load) ?? read(promise, window)[0]?.value;
      if (value === undefined) return skipped(`Of ${name} there are no figures.`);
      const said = `${name[0]?.toUpperCase()}${name.slice(1)}: ${quantityText(value, promise.unit)}, where ${conditionText(promise)} is promised`;
      if (!satisfies(value, promise, promise.threshold)) {
        return OF_THE_MOMENT.has(promise.subject ?? promise.metricName)
          ? machineCould(context, `${said}.`, ADVICE)
          : bad(`${said}.`, ADVICE);
      }
      const under = satisfies(value, promise, level.ours(window));
      return ok(under ? `${said}.` : `${said}; ${quantityText(level.ours(window), promise.unit)} is usual.`);
    });
    const found = [...levels, answered(load)];
    return [...found, ...(found.some(({ state }) => state === 'bad') ? await causes(context, load.seconds) : [])];
  },
};

function seen(subject: string | undefined, { api, batches }: LoadResult): number | undefined {
  const histogram = subject === 'api' ? api : subject === 'BatchSaveMemories' ? batches : undefined;
  return histogram === undefined || histogram.count === 0 ? undefined : histogram.percentile(P95);
}

/** What the server showed of trouble under this load. */
async function causes({ operator, busy }: DoctorContext, seconds: number): Promise<Finding[]> {
  const frames = await lastFrames(operator, Math.ceil(seconds));
  return symptomsOf(frames).map(({ said, advice, ofMachine }) =>
    ofMachine ? machineCould({ busy }, said, advice) : bad(said, advice),
  );
}

function answered({ api, batches, seconds, failures }: LoadResult): Finding {
  const calls = api.count + batches.count;
  const said = `${calls} calls were answered in ${seconds.toFixed(1)} s, ${CONCURRENCY} at a time`;
  if (failures.size === 0) return ok(`${said}, and none failed.`);
  const kinds = [...failures].map(([what, count]) => `${count} ${what}`).join(', ');
  const limited = [...failures.keys()].every((what) => what.includes('RATE_LIMITED') || what.includes('OVERLOADED'));
  if (limited) return warn(`${said}; turned away: ${kinds}.`, 'Its limits held the load back: the figures are theirs.');
  return bad(`${said}; failed: ${kinds}.`, "The server's log has the cause of each failure.");
}
