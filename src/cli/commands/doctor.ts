import { styleText } from 'node:util';
import { ConfigError } from '../../server/config.ts';
import { findTarget } from '../../shared/discovery.ts';
import { defineCommand } from '../define-command.ts';
import { CHECK_NAMES } from '../doctor/names.ts';
import { countStates, outcomeText } from '../doctor/report.ts';
import type { Outcome } from '../doctor/run.ts';
import { CommandFailure, explain } from '../failure.ts';
import { outputWidth, printJson } from '../output.ts';
import { type ConnectionFlags, connectionFlags } from '../session.ts';

/** Nothing could be said of the server. */
const COULD_NOT_RUN = 2;
/** 128 and SIGINT, as shells have it. */
const INTERRUPTED = 130;

export const doctorCommand = defineCommand({
  command: 'doctor',
  describe: 'Check the running server before it goes into service; exit code 1: something is bad',
  builder: (argv) =>
    connectionFlags(argv)
      .option('only', {
        choices: CHECK_NAMES,
        array: true,
        default: [] as (typeof CHECK_NAMES)[number][],
        describe: 'Only this check; may be repeated',
      })
      .option('quick', { type: 'boolean', default: false, describe: 'Shorter loads: some 15 seconds in all' })
      .option('strict', {
        type: 'boolean',
        default: false,
        describe: 'Judge latencies even while other programs keep this machine busy',
      })
      .option('key-days', { type: 'number', default: 90, describe: 'Admin and operator keys that are older are bad' })
      .option('disk-free', { type: 'number', default: 10, describe: 'Less free space than this, in percent, is bad' }),
  handler: async (flags) => {
    const target = targetOf(flags);
    const outcomes: Outcome[] = [];
    const { only, quick, strict } = flags;
    const interrupted = onInterrupt();
    const limits = {
      keyDays: atLeastZero(flags.keyDays, '--key-days'),
      diskFreePercent: atLeastZero(flags.diskFree, '--disk-free'),
    };
    const line = statusLine();
    if (!flags.json) console.log(`The server at ${target.address}\n`);
    try {
      // The checks know the whole database, which no other command waits for.
      const { runChecks } = await import('../doctor/run.ts');
      await runChecks(
        { target, quick, strict, limits, only, signal: interrupted.signal },
        ({ name, about }, done, total) => line.show(`${done + 1}/${total} ${name}: ${about}`),
        (outcome) => {
          outcomes.push(outcome);
          line.clear();
          const colour = process.stdout.isTTY && process.stdout.hasColors();
          if (!flags.json) console.log(outcomeText(outcome, Math.min(outputWidth(), 140), colour));
        },
      );
    } catch (error) {
      line.clear();
      if (interrupted.signal.aborted) {
        console.error('Interrupted. What was written to the server is removed again.');
        process.exitCode = INTERRUPTED;
        return;
      }
      if (error instanceof ConfigError) throw new CommandFailure(error.message, COULD_NOT_RUN);
      throw new CommandFailure(explain(error, target).message, COULD_NOT_RUN);
    }
    interrupted.dispose();
    const counts = countStates(outcomes);
    if (flags.json) {
      const findings = outcomes.flatMap(({ check, findings }) => findings.map((finding) => ({ check, ...finding })));
      printJson({
        address: target.address,
        time: new Date().toISOString(),
        healthy: counts.bad === 0,
        counts,
        findings,
      });
    } else {
      const { bad, warn, ok, skipped } = counts;
      console.log(`\n${bad} bad, ${warn} to look at, ${ok} ok, ${skipped} skipped`);
    }
    if (counts.bad > 0) process.exitCode = 1;
  },
});

/** @throws CommandFailure */
function targetOf(flags: ConnectionFlags) {
  try {
    const { address, keyFile, tlsCa: ca, tlsCert: certificate, tlsKey: key, tlsServerName: serverName } = flags;
    return findTarget({ address, keyFile, tls: { ca, certificate, key, serverName }, key: 'operator' });
  } catch (error) {
    throw new CommandFailure(explain(error).message, COULD_NOT_RUN);
  }
}

/** @throws CommandFailure: compared with what is no number, nothing is ever bad */
function atLeastZero(value: number, flag: string): number {
  if (value >= 0) return value;
  throw new CommandFailure(`${flag} takes a number, 0 or more`, COULD_NOT_RUN);
}

/** One line on a terminal that says what is being done; nothing elsewhere. */
function statusLine() {
  const { stderr } = process;
  const write = (text: string) => {
    if (stderr.isTTY) stderr.write(`\r\x1b[K${text}`);
  };
  return {
    show: (text: string) => write(styleText('dim', text.slice(0, (stderr.columns ?? 80) - 1))),
    clear: () => write(''),
  };
}

/** Aborts on the first Ctrl-C, or when told to end; a second one ends the process at once. */
function onInterrupt() {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
