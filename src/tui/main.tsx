import { writeFileSync } from 'node:fs';
import { BUILT_IN_RULES } from '../shared/alerts/built-in.ts';
import type { AlertRule } from '../shared/alerts/rule.ts';
import { ClientTlsError } from '../shared/client-tls.ts';
import { AddressError, findTarget, KeyFileError } from '../shared/discovery.ts';
import { AlertFile } from './alert-file.ts';
import { ArgumentError, type MonitorArgs, parseMonitorArgs, usage } from './args.ts';
import { exported, formatOf } from './export.ts';
import { nameBehind, openSource, RecordingError } from './open-source.ts';
import { runPiped } from './piped.ts';
import { runAsserts } from './run-asserts.ts';
import { MemoriesSource } from './source/memories.ts';
import type { MemoryAnswer } from './state/memories/answer.ts';
import { initialState } from './state/state.ts';
import { Store } from './state/store.ts';
import { colorDepth, settleColorEnvironment, wantsAscii } from './terminal/capabilities.ts';
import { themeOf } from './terminal/theme.ts';

/** How long asserts watch a server, unless told. */
const ASSERT_MS = 30_000;

/**
 * The monitor, from its own arguments on.
 *
 * @returns the exit code: 0 done, 1 no server, no right to watch it or a broken assert, 2 wrong command line
 */
export async function runMonitor(argv: readonly string[]): Promise<number> {
  try {
    const args = parseMonitorArgs(argv);
    if (args.help) {
      console.log(usage());
      return 0;
    }
    return await run(args);
  } catch (error) {
    const isForPeople = [AddressError, ArgumentError, KeyFileError, ClientTlsError, RecordingError].some(
      (kind) => error instanceof kind,
    );
    if (!isForPeople) throw error;
    console.error((error as Error).message);
    return error instanceof ArgumentError ? 2 : 1;
  }
}

async function run(args: MonitorArgs): Promise<number> {
  const source = openSource(args);
  const now = source.live ? Date.now() : 0;
  const view = { intervalMs: args.intervalMs, windowMs: args.windowMs, screenReader: args.screenReader };
  const store = new Store(initialState(source.target, now, view, await rulesOf(args)));
  if (args.log !== undefined) keepLog(args.log, store);
  const depth = colorDepth(process.env, process.stdout.isTTY === true);
  const theme = themeOf({
    ascii: args.ascii || wantsAscii(process.env),
    depth,
    palette: args.highContrast ? 'high-contrast' : 'blue-orange',
  });
  if (args.snapshot !== undefined) {
    const { columns, rows } = args.size ?? { columns: 120, rows: 36 };
    store.dispatch({ kind: 'resize', columns, rows });
    const result = await runPiped(store, source, { once: true, print: () => {} });
    if (result === 0) writeFileSync(args.snapshot, exported(store.state(), theme, formatOf(args.snapshot)));
    return result;
  }
  if (args.asserts.length > 0) {
    const { asserts: conditions, json } = args;
    const forMs = args.forMs ?? (source.live ? ASSERT_MS : undefined);
    return runAsserts(store, source, {
      conditions,
      forMs,
      windowMs: args.windowGiven ? args.windowMs : undefined,
      json,
    });
  }
  if (args.json || args.once || process.stdout.isTTY !== true) {
    return runPiped(store, source, { once: args.once, json: args.json });
  }
  settleColorEnvironment(process.env, depth);
  // Ink reads the environment when it is imported.
  const { runInteractive } = await import('./interactive.tsx');
  await runInteractive(store, source, theme, {
    stdin: process.stdin,
    stdout: process.stdout,
    memories: memorySource(args, store),
  });
  return 0;
}

/** Every change of an alert goes into the file, whatever is looked at. */
function keepLog(path: string, store: Store): void {
  try {
    const file = new AlertFile(path);
    store.subscribe(() => file.write(store.state().alertLog));
  } catch (error) {
    throw new ArgumentError(`--log ${path}: ${(error as Error).message}`);
  }
}

/** Who reads memories for their screen: with a key of its own, for that of the monitor sees statistics only. */
function memorySource(args: MonitorArgs, store: Store) {
  if (args.replay !== undefined) return undefined;
  try {
    const { address, credential, credentialFrom, tls } = findTarget({
      address: args.address,
      keyFile: args.memoryKeyFile,
      tls: args.tls,
      key: 'admin',
    });
    if (credential === undefined) {
      store.dispatch({ kind: 'memory-access', access: { kind: 'none', lookedAt: credentialFrom } });
      return undefined;
    }
    store.dispatch({ kind: 'memory-access', access: { kind: 'key', from: credentialFrom } });
    return (answer: (answer: MemoryAnswer) => void) =>
      new MemoriesSource(
        { address: firstOf(address), credential, ...(tls && { tls: { ...nameBehind(address), ...tls } }) },
        answer,
      );
  } catch (error) {
    // One that was named must be right; one that merely lies there is no reason not to watch.
    if (args.memoryKeyFile !== undefined || !(error instanceof KeyFileError)) throw error;
    const access = { kind: 'none', lookedAt: 'the data directory', why: error.message } as const;
    store.dispatch({ kind: 'memory-access', access });
    return undefined;
  }
}

/** Memories are the same on every server of one database: until one of them answers, the one that is named first is asked. */
function firstOf(addresses: string): string {
  return (addresses.split(',').find((part) => part.trim() !== '') ?? addresses).trim().replace(/^https?:\/\//, '');
}

/** The built-in rules, unless a file says otherwise. */
async function rulesOf({ alerts }: MonitorArgs): Promise<readonly AlertRule[]> {
  if (alerts === undefined) return BUILT_IN_RULES;
  // Reading a file of rules takes a schema and a parser that nobody else needs.
  const { readRulesFile } = await import('../shared/alerts/rules-file.ts');
  try {
    return readRulesFile(alerts);
  } catch (error) {
    throw new ArgumentError((error as Error).message);
  }
}
