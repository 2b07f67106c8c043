import { type AssertOptions, Asserts, type Verdict } from './asserts.ts';
import type { Source } from './source/source.ts';
import type { Store } from './state/store.ts';
import { isDown } from './state/target.ts';
import { formatClock } from './widgets/format.ts';

/** What is asserted, and how the outcome is told. */
export interface RunAssertsOptions extends AssertOptions {
  readonly json: boolean;
  readonly print?: (text: string) => void;
}

/**
 * Watches until the conditions are judged, and says how each came out. A server that is lost meanwhile
 * leaves nothing to judge by: that is no success.
 *
 * @returns the exit code: 0 when all held, else 1
 */
export async function runAsserts(store: Store, source: Source, options: RunAssertsOptions): Promise<number> {
  const stop = new AbortController();
  let interrupted = false;
  const onSignal = () => {
    interrupted = true;
    stop.abort();
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const asserts = new Asserts(options);
  let trouble: string | undefined;
  try {
    for await (const event of source.events(stop.signal)) {
      store.dispatch(event);
      const { connection, history, target, targets } = store.state();
      if (connection.phase === 'retrying') {
        const { code, text, advice } = connection.problem;
        trouble = [`${target}: ${code} ${text}`, advice].filter(Boolean).join('\n');
        break;
      }
      if (connection.phase === 'replaying' && connection.damage !== undefined) {
        trouble = `${target}: ${connection.damage}`;
        break;
      }
      // A live stretch begins now; a recording begins where it does.
      if (event.kind !== 'frame' || (source.live && event.frame.replayed)) continue;
      const fleet = { targets: targets.length, down: targets.filter(isDown).length };
      if (asserts.observe(history, fleet)) break;
    }
    const verdicts = asserts.verdicts(store.state().history);
    if (interrupted) trouble ??= 'stopped before the time was over';
    if (trouble !== undefined) console.error(trouble);
    const held = trouble === undefined && verdicts.every(({ result }) => result === 'held');
    const print = options.print ?? console.log;
    print(options.json ? json(held, verdicts, trouble) : verdicts.map((verdict) => line(verdict)).join('\n'));
    return held ? 0 : 1;
  } finally {
    stop.abort();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function line({ condition, result, worst, subject, brokenAtMs, judged, broken }: Verdict): string {
  const about = worst === undefined ? '' : `worst ${subject === undefined ? '' : `${subject} `}${worst}`;
  const when = brokenAtMs === undefined ? '' : `, first at ${formatClock(brokenAtMs)}Z, ${broken} of ${judged} times`;
  const why = result === 'unknown' ? 'nothing to judge by: no calls, or no such part of the server' : about + when;
  return `${result.padEnd(8)}${condition}  ${why}`;
}

function json(held: boolean, verdicts: readonly Verdict[], trouble: string | undefined): string {
  return JSON.stringify({
    held,
    ...(trouble === undefined ? {} : { trouble }),
    asserts: verdicts.map(({ brokenAtMs, ...verdict }) => ({
      ...verdict,
      broken_at: brokenAtMs === undefined ? null : new Date(brokenAtMs).toISOString(),
    })),
  });
}
