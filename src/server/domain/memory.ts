/** The Memory as the rules see it: no protobuf, no SQL row. */

/**
 * Microseconds since 1970-01-01T00:00:00Z in UTC. A number holds them exactly until the year 2255,
 * which the limit of 100 years on a time to live keeps out of reach.
 */
export type Micros = number;

/** The numbers of the contract's Scope, which are also what the database keeps. */
export const Scope = { PERSONAL: 1, TEAM: 2, WORKSPACE: 3 } as const;
export type Scope = (typeof Scope)[keyof typeof Scope];

/** The numbers of the contract's Operation, which are also what the database keeps. */
export const Operation = { CREATE: 1, UPDATE: 2, DELETE: 3, RESTORE: 4 } as const;
export type Operation = (typeof Operation)[keyof typeof Operation];

export const Consistency = { READ_YOUR_WRITES: 1, EVENTUAL: 2, STRONG: 3 } as const;
export type Consistency = (typeof Consistency)[keyof typeof Consistency];

export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };
export type JsonObject = { [name: string]: JsonValue };

/** Whose a memory is. userId is empty unless PERSONAL, team is empty unless TEAM. */
export interface Owner {
  readonly scope: Scope;
  readonly userId: string;
  readonly team: string;
}

export interface Memory extends Owner {
  /** UUID, lower case with hyphens. */
  readonly id: string;
  /** Empty when the memory has none. */
  readonly key: string;
  readonly category: string;
  readonly content: string;
  readonly tags: readonly string[];
  readonly metadata: JsonObject | undefined;
  /** Counts this memory's writes from 1. */
  readonly revision: number;
  /** The workspace's change number of the last write: the etag. */
  readonly changeNo: number;
  readonly author: string;
  readonly createTime: Micros;
  readonly updateTime: Micros;
  readonly deleteTime: Micros | undefined;
  readonly expireTime: Micros | undefined;
}

/** One entry of a memory's history. */
export interface Revision {
  readonly operation: Operation;
  readonly note: string;
  /** As this write left it; its revision, author and updateTime are those of the entry. */
  readonly memory: Memory;
}

/** Turns a memory into the bytes of the contract's Memory message (FULL view) and back. */
export interface MemoryCodec {
  encode(memory: Memory): Uint8Array;
  decode(message: Uint8Array): Memory;
}

/** Bytes before a message that whoever sends it may overwrite, in the same buffer, where its record says there is room. */
export const MESSAGE_ROOM = 5;

/**
 * A memory on its way from storage to the wire. It has the few fields that decide who may see it
 * and whether it is alive, and either the memory or its encoded message; the other is made when
 * first asked for. So a cached read is answered without decoding or encoding anything.
 */
export class MemoryRecord implements Owner {
  readonly scope: Scope;
  readonly userId: string;
  readonly team: string;
  readonly changeNo: number;
  readonly deleteTime: Micros | undefined;
  readonly expireTime: Micros | undefined;
  /** Of MESSAGE_ROOM bytes before the message. */
  readonly hasRoom: boolean;
  readonly #codec: MemoryCodec;
  #memory: Memory | undefined;
  #message: Uint8Array | undefined;

  constructor(
    head: Owner & Pick<Memory, 'changeNo' | 'deleteTime' | 'expireTime'>,
    codec: MemoryCodec,
    memory: Memory | undefined,
    message: Uint8Array | undefined,
    hasRoom = false,
  ) {
    this.hasRoom = hasRoom;
    this.scope = head.scope;
    this.userId = head.userId;
    this.team = head.team;
    this.changeNo = head.changeNo;
    this.deleteTime = head.deleteTime;
    this.expireTime = head.expireTime;
    this.#codec = codec;
    this.#memory = memory;
    this.#message = message;
  }

  /** The memory; decoded when only the message is there. */
  get memory(): Memory {
    this.#memory ??= this.#codec.decode(this.message);
    return this.#memory;
  }

  /** Another state of the same record. */
  with(memory: Memory): MemoryRecord {
    return new MemoryRecord(memory, this.#codec, memory, undefined);
  }

  get isEncoded(): boolean {
    return this.#message !== undefined;
  }

  /** The encoded FULL message; shared, not to be written to. */
  get message(): Uint8Array {
    this.#message ??= this.#codec.encode(this.memory);
    return this.#message;
  }
}

/** Whether the memory counts as absent at this time: deleted or expired. */
export function isDead(record: Pick<Memory, 'deleteTime' | 'expireTime'>, now: Micros): boolean {
  return record.deleteTime !== undefined || isExpired(record, now);
}

export function isExpired(record: Pick<Memory, 'expireTime'>, now: Micros): boolean {
  return record.expireTime !== undefined && record.expireTime <= now;
}
