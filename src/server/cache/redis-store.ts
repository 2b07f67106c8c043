import type { MemoryCodec } from '../domain/memory.ts';
import { decodeRecord, epochOf } from './entry.ts';
import type { EntryStore, Found, Step } from './protocol.ts';
import { appendArguments } from './step-script.ts';
import { TickBatch } from './tick-batch.ts';

/** Larger values are not kept in Redis: moving them costs more than reading them from Postgres. */
export const REDIS_VALUE_MAX_BYTES = 64 * 1024;

/** Most keys of one command, so that none blocks Redis for long. */
const KEYS_PER_COMMAND = 256;

/** The two commands the store needs, and the one fact. */
export interface RedisLink {
  /** Which run of which Redis answers here; undefined while it is not to be used. */
  readonly runId: string | undefined;
  mget(keys: readonly string[]): Promise<(Buffer | null)[]>;
  /** STEP_SCRIPT. */
  step(keys: readonly string[], args: readonly (string | number | Buffer)[]): Promise<number[]>;
}

interface PendingRead {
  readonly workspaceId: number;
  readonly ids: readonly string[];
  readonly resolve: (found: Found[]) => void;
}

interface PendingSteps {
  readonly workspaceId: number;
  readonly steps: readonly Step[];
  readonly resolve: (answers: boolean[] | undefined) => void;
}

/**
 * Entries in Redis, shared by all processes: one MGET and one script call a tick for all calls of
 * the tick. Keys hold the run id of Redis, so that what a restart restores from its disk, older than
 * what was written since, is never seen; they are made when a command is sent, so that a write
 * marked before a restart and settled after it clears the entry of the new run.
 */
export class RedisStore implements EntryStore {
  readonly kind = 'redis';
  readonly maxValueBytes = REDIS_VALUE_MAX_BYTES;
  readonly #link: RedisLink;
  readonly #codec: MemoryCodec;
  readonly #keyPrefix: string;
  readonly #reads = new TickBatch<PendingRead>((reads) => this.#sendReads(reads));
  readonly #steps = new TickBatch<PendingSteps>((pending) => this.#sendSteps(pending));

  /** @param keyPrefix names the database, so that two of them can share one Redis */
  constructor(link: RedisLink, codec: MemoryCodec, keyPrefix: string) {
    this.#link = link;
    this.#codec = codec;
    this.#keyPrefix = keyPrefix;
  }

  get usable(): boolean {
    return this.#link.runId !== undefined;
  }

  read(workspaceId: number, ids: readonly string[]): Promise<Found[]> {
    return new Promise((resolve) => this.#reads.add({ workspaceId, ids, resolve }));
  }

  step(workspaceId: number, steps: readonly Step[]): Promise<boolean[] | undefined> {
    return new Promise((resolve) => this.#steps.add({ workspaceId, steps, resolve }));
  }

  /** What is asked for twice in a tick is read once: values can be large. */
  async #sendReads(reads: PendingRead[]): Promise<void> {
    const { runId } = this.#link;
    const keys: string[] = [];
    const workspaces: number[] = [];
    const places = new Map<string, number>();
    const placesOf = reads.map(({ workspaceId, ids }) =>
      ids.map((id) => {
        const known = places.get(id);
        if (known !== undefined && workspaces[known] === workspaceId) return known;
        places.set(id, keys.length);
        workspaces.push(workspaceId);
        return keys.push(this.#key(workspaceId, runId, id)) - 1;
      }),
    );
    const answers = runId === undefined ? [] : await this.#mget(keys);
    for (let i = 0; i < reads.length; i++) {
      (reads[i] as PendingRead).resolve((placesOf[i] as number[]).map((place) => this.#found(answers[place])));
    }
  }

  /** Undefined in the place of each key whose command failed. */
  async #mget(keys: readonly string[]): Promise<(Buffer | null | undefined)[]> {
    const commands = chunks(keys, KEYS_PER_COMMAND).map((some) =>
      this.#link.mget(some).catch((): undefined[] => new Array(some.length).fill(undefined)),
    );
    return commands.length === 1 ? (commands[0] as Promise<(Buffer | null)[]>) : (await Promise.all(commands)).flat();
  }

  /** @param bytes null for an empty place, undefined when the command failed */
  #found(bytes: Buffer | null | undefined): Found {
    if (bytes === null) return undefined;
    if (bytes === undefined) return 'F';
    const epoch = epochOf(bytes);
    if (epoch !== undefined) return { epoch, record: decodeRecord(bytes, this.#codec) };
    const letter = String.fromCharCode(bytes[0] ?? 0);
    return letter === 'P' || letter === 'X' ? letter : 'F';
  }

  async #sendSteps(pending: PendingSteps[]): Promise<void> {
    const { runId } = this.#link;
    const all = pending.flatMap(({ workspaceId, steps }) =>
      steps.map((step) => ({ step, key: this.#key(workspaceId, runId, step.id) })),
    );
    const answers = await Promise.all(
      chunks(all, KEYS_PER_COMMAND).map((chunk) => {
        if (runId === undefined) return undefined;
        const args: (string | number | Buffer)[] = [];
        for (const { step } of chunk) appendArguments(step, args);
        return this.#link
          .step(
            chunk.map(({ key }) => key),
            args,
          )
          .catch(() => undefined);
      }),
    );
    let place = 0;
    for (const { steps, resolve } of pending) {
      const own = steps.map(() => {
        const answer = answers[Math.floor(place / KEYS_PER_COMMAND)]?.[place % KEYS_PER_COMMAND];
        place++;
        return answer;
      });
      resolve(own.includes(undefined) ? undefined : own.map((answer) => answer === 1));
    }
  }

  #key(workspaceId: number, runId: string | undefined, id: string): string {
    return `${this.#keyPrefix}:${workspaceId}:${runId}:${id}`;
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size));
  return out;
}
