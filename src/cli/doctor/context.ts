import { setTimeout as sleep } from 'node:timers/promises';
import { type Config, loadConfig } from '../../server/config.ts';
import { dataDirectory, findTarget, type Target } from '../../shared/discovery.ts';
import { Role } from '../../shared/gen/memoryhub/v1/admin_service.ts';
import type { StatsFrame } from '../../shared/gen/memoryhub/v1/stats_service.ts';
import { RpcError } from '../../shared/rpc-error.ts';
import { MemoryHub } from '../../shared/service-client.ts';
import { busyMachine } from './busy.ts';
import { findLiveDatabase, type LiveDatabase } from './live-database.ts';

/** Everything a check may look at. */
export interface DoctorContext {
  readonly target: Target;
  /** As environment and file have it here: the server's own settings if it was started with the same ones. */
  readonly config: Config;
  /** The server runs on the data directory of this environment, so its files and settings are those seen here. */
  readonly onThisMachine: boolean;
  readonly operator: MemoryHub;
  readonly database: LiveDatabase;
  readonly quick: boolean;
  readonly limits: Limits;
  /** Why nothing that takes time can be judged; undefined: it can. */
  readonly busy: string | undefined;
  /** Aborted when nobody waits for the verdict any more. */
  readonly signal: AbortSignal;
  /** A connection of its own with a key of the workspace `doctor`, or without any. Closed at the end. */
  connect(as: TrialRole | 'nobody' | { readonly credential: string }): MemoryHub;
  credential(of: TrialRole): string;
  /** Totals since the server started. */
  stats(): Promise<StatsFrame>;
}

/** From when on something is bad. */
export interface Limits {
  readonly keyDays: number;
  readonly diskFreePercent: number;
}

/** What the checks write is here, and removed at the end. */
export const WORKSPACE = 'doctor';
/** The user the reader's and writer's trial keys are bound to. */
export const TRIAL_USER = 'doctor';
/** Calls that were cut off end in the server within this time. */
const UNDER_WAY_MS = 500;
/** A doctor that is killed leaves keys that end by themselves. */
const KEY_TTL = { seconds: 3600n, nanos: 0 };

const TRIALS = { admin: Role.ADMIN, writer: Role.WRITER, reader: Role.READER, monitor: Role.MONITOR } as const;
export type TrialRole = keyof typeof TRIALS;

export interface ContextOptions {
  readonly target: Target;
  readonly quick: boolean;
  readonly limits: Limits;
  /** Judges what takes time however busy this machine is. */
  readonly strict: boolean;
  readonly signal: AbortSignal;
}

/**
 * Makes workspace and keys of the doctor's own, lends them to the work, and removes what it left: the
 * memories for good, and the keys. The empty workspace stays for the next time. When the signal is
 * aborted it does so at once, and nothing is called any more.
 *
 * @throws ConfigError, RpcError
 */
export async function withContext<T>(
  options: ContextOptions,
  work: (context: DoctorContext) => Promise<T>,
): Promise<T> {
  const { target, signal } = options;
  const config = loadConfig(process.env);
  const open: MemoryHub[] = [];
  const opened = (credential: string | undefined): MemoryHub => {
    const hub = dial(target, credential);
    open.push(hub);
    return hub;
  };
  const operator = opened(target.credential);
  const keys = new Map<TrialRole, { readonly id: string; readonly credential: string }>();
  const keyOf = (role: TrialRole) => keys.get(role) ?? { id: '', credential: '' };
  try {
    await ensureWorkspace(operator);
    for (const role of Object.keys(TRIALS) as TrialRole[]) {
      signal.throwIfAborted();
      keys.set(role, await makeKey(operator, role));
    }
    const onThisMachine = isHere(target);
    const stats = async () => {
      signal.throwIfAborted();
      const { totals } = await operator.stats.getStats({});
      if (totals === undefined) throw new Error('the server sent no statistics');
      return totals;
    };
    const context: DoctorContext = {
      ...options,
      config,
      onThisMachine,
      operator,
      database: await findLiveDatabase(config, onThisMachine, keyOf('admin').id),
      connect: (as) =>
        opened(as === 'nobody' ? undefined : typeof as === 'string' ? keyOf(as).credential : as.credential),
      credential: (role) => keyOf(role).credential,
      stats,
      busy: options.strict ? undefined : busyMachine(onThisMachine ? await stats() : undefined),
    };
    return await Promise.race([work(context), whenAborted(signal)]);
  } finally {
    // What is still being called ends here, before it is purged.
    for (const hub of open.splice(1)) hub.close();
    if (signal.aborted) await sleep(UNDER_WAY_MS);
    await cleanUp(operator, keys.has('admin') ? opened(keyOf('admin').credential) : undefined, [...keys.values()]);
    for (const hub of open) hub.close();
  }
}

/** A client with a connection of its own: shared ones would all be with one worker. */
export function dial({ address, tls }: Target, credential: string | undefined): MemoryHub {
  const channel = { 'grpc.use_local_subchannel_pool': 1 };
  return new MemoryHub({ address, ...(credential && { credential }), ...(tls && { tls }), channel });
}

/** @throws RpcError of the call that failed, once everything was tried */
async function cleanUp(
  operator: MemoryHub,
  admin: MemoryHub | undefined,
  keys: readonly { readonly id: string }[],
): Promise<void> {
  const note = 'what memory-hub doctor wrote';
  // The keys are revoked even if the purge fails, the admin's last: it purges.
  const purged = await Promise.allSettled([
    admin?.memories.purgeMemories({ filter: 'create_time > "2000-01-01T00:00:00Z"', note }, { deadlineMs: 120_000 }),
  ]);
  const revoked = await Promise.allSettled(keys.map(({ id }) => operator.admin.revokeApiKey({ id })));
  const failed = [...purged, ...revoked].find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

async function ensureWorkspace(operator: MemoryHub): Promise<void> {
  const workspace = { name: WORKSPACE, description: 'trials of memory-hub doctor' };
  await operator.admin.createWorkspace({ workspace }).catch((error: unknown) => {
    if (!(error instanceof RpcError) || error.reason !== 'WORKSPACE_EXISTS') throw error;
  });
}

async function makeKey(operator: MemoryHub, role: TrialRole): Promise<{ id: string; credential: string }> {
  const bound = role === 'reader' || role === 'writer';
  const { apiKey, credential } = await operator.admin.createApiKey({
    apiKey: {
      name: `doctor-${role}`,
      role: TRIALS[role],
      workspace: role === 'monitor' ? '' : WORKSPACE,
      ...(bound && { userId: TRIAL_USER }),
      description: 'made by memory-hub doctor for the time it runs',
      ttl: KEY_TTL,
    },
  });
  return { id: apiKey?.id ?? '', credential };
}

/** Whether the address is that of the server on this environment's data directory. */
function isHere({ address }: Target): boolean {
  const here = findTarget({ key: 'operator', env: { MEMORYHUB_DATA_DIR: dataDirectory() } });
  return here.addressFrom.startsWith(dataDirectory()) && here.address === address;
}

/** @throws the reason of the signal, once it is aborted */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
