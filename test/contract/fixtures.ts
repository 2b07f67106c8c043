import { randomUUID } from 'node:crypto';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { UNBOUND } from '../../src/server/domain/access.ts';
import type { CallContext } from '../../src/server/domain/call-context.ts';
import { type Memory, Scope } from '../../src/server/domain/memory.ts';
import type {
  Change,
  HistoryPage,
  ListQuery,
  MemoryFields,
  MemoryRepository,
  RevisionQuery,
  WriteOutcome,
  WriteRequest,
} from '../../src/server/domain/repository.ts';
import { WrittenRows } from '../../src/server/domain/written-rows.ts';
import { protoCodec } from '../../src/server/rpc/memory/proto-codec.ts';
import { protoRow } from '../../src/server/rpc/memory/proto-row.ts';

/** How lists and exports write their rows here, and how to read them. */
export const WRITE = protoRow(0, true);

export function memoriesOf(rows: WrittenRows): Memory[] {
  const reader = new BinaryReader(rows.bytes);
  const memories: Memory[] = [];
  while (reader.pos < reader.len) memories.push(protoCodec.decode(reader.bytes()));
  return memories;
}

/** A call of an unbound key with no deadline. */
export function callIn(workspaceId: number, given: Partial<CallContext> = {}): CallContext {
  const call = {
    workspaceId,
    workspace: `workspace-${workspaceId}`,
    access: UNBOUND,
    author: 'tester',
    keyId: 'key',
    callId: 'call',
    deadlineAt: Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    observe: () => {},
    ...given,
  };
  return {
    ...call,
    get ended() {
      return call.signal.aborted;
    },
  };
}

export function fields(given: Partial<MemoryFields> = {}): MemoryFields {
  return {
    category: '',
    content: 'content',
    tags: [],
    metadata: undefined,
    expireTime: undefined,
    ttlMicros: undefined,
    ...given,
  };
}

type Save = Extract<Change, { kind: 'save' }>;

export function save(given: Partial<Save> & { content?: string } = {}): Save {
  const { content, ...rest } = given;
  return {
    kind: 'save',
    id: randomUUID(),
    fresh: false,
    expectedChangeNo: undefined,
    owner: { scope: Scope.WORKSPACE, userId: '', team: '' },
    key: '',
    fields: fields(content === undefined ? {} : { content }),
    createOnly: false,
    ...rest,
  };
}

export function update(id: string, mask: number, given: Partial<MemoryFields>, expectedChangeNo?: number): Change {
  return { kind: 'update', id, fresh: false, expectedChangeNo, mask, fields: fields({ content: '', ...given }) };
}

export function remove(id: string, allowMissing = false, expectedChangeNo?: number): Change {
  return { kind: 'delete', id, fresh: false, expectedChangeNo, allowMissing };
}

export function restore(id: string, revision = 0, expectedChangeNo?: number): Change {
  return { kind: 'restore', id, fresh: false, expectedChangeNo, revision };
}

export function personal(userId: string) {
  return { scope: Scope.PERSONAL, userId, team: '' };
}

export function ofTeam(team: string) {
  return { scope: Scope.TEAM, userId: '', team };
}

/** One workspace of a repository under test, with the words tests need. */
export class Hub {
  readonly repository: MemoryRepository;
  readonly workspaceId: number;
  readonly call: CallContext;

  constructor(repository: MemoryRepository, workspaceId: number) {
    this.repository = repository;
    this.workspaceId = workspaceId;
    this.call = callIn(workspaceId);
  }

  write(
    changes: Change | readonly Change[],
    given: Partial<WriteRequest> = {},
    call = this.call,
  ): Promise<WriteOutcome> {
    return this.repository.write(call, {
      workspaceId: this.workspaceId,
      access: call.access,
      author: call.author,
      note: '',
      requestId: undefined,
      requestHash: undefined,
      changes: 'kind' in changes ? [changes] : changes,
      validateOnly: false,
      bumpCacheEpoch: false,
      ...given,
    });
  }

  /** Writes one change that is expected to be done. */
  async done(change: Change, given: Partial<WriteRequest> = {}): Promise<Memory> {
    const outcome = await this.write(change, given);
    if (outcome.kind === 'refused') throw new Error(`refused: ${JSON.stringify(outcome)}`);
    const record = outcome.records[0];
    if (record === undefined) throw new Error('done without a record');
    return record.memory;
  }

  /** Writes one change that is expected to be refused. */
  async refused(change: Change, given: Partial<WriteRequest> = {}) {
    const outcome = await this.write(change, given);
    if (outcome.kind !== 'refused') throw new Error('not refused');
    return outcome.refusal;
  }

  async get(id: string): Promise<Memory | undefined> {
    const [record] = await this.repository.get(this.call, [id], 3);
    return record?.memory;
  }

  listQuery(given: Partial<ListQuery> = {}): ListQuery {
    return {
      workspaceId: this.workspaceId,
      access: UNBOUND,
      filter: undefined,
      order: { by: 'create_time', descending: false },
      after: undefined,
      pageSize: 100,
      pageBytes: 1_000_000,
      showDeleted: false,
      consistency: 3,
      ...given,
    };
  }

  /** One page of a memory's history. */
  history(memoryId: string, given: Partial<RevisionQuery> = {}): Promise<HistoryPage> {
    return this.repository.revisions(this.call, {
      workspaceId: this.workspaceId,
      memoryId,
      before: undefined,
      pageSize: 10,
      pageBytes: 1_000_000,
      ...given,
    });
  }

  /** All pages of a list. */
  async list(given: Partial<ListQuery> = {}): Promise<Memory[]> {
    const found: Memory[] = [];
    let after = given.after;
    do {
      const page = await this.repository.list(this.call, this.listQuery({ ...given, after }), new WrittenRows(WRITE));
      found.push(...memoriesOf(page.rows));
      after = page.next;
    } while (after !== undefined);
    return found;
  }
}
