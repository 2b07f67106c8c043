import {
  type Memory as MemoryMessage,
  Memory as MemoryType,
  type Revision as RevisionMessage,
} from '../../../shared/gen/memoryhub/v1/memory.ts';
import { microsFromTimestamp, timestampFromMicros } from '../../../shared/time.ts';
import { ByteSink } from '../../domain/byte-sink.ts';
import type { JsonObject, Memory, Revision, Scope } from '../../domain/memory.ts';
import type { RowCodec } from '../../domain/memory-row.ts';
import { writeMemoryMessage } from './proto-memory.ts';
import { writeMemory } from './proto-row.ts';

const sink = new ByteSink(4096);

/** Memories as the bytes of the contract's Memory message, everything in it. */
export const protoCodec: RowCodec = {
  encode: encodeMemory,
  decode: (message) => fromMessage(MemoryType.decode(message)),
  encodeRow: (row, out) => writeMemory(row, out, true),
};

/** Into bytes of its own: what a cache keeps must not keep more than them. */
function encodeMemory(memory: Memory): Uint8Array {
  sink.length = 0;
  writeMemoryMessage(memory, sink, true);
  const message = new Uint8Array(sink.length);
  message.set(sink.written);
  return message;
}

export function toMessage(memory: Memory): MemoryMessage {
  const { deleteTime, expireTime } = memory;
  return {
    id: memory.id,
    key: memory.key,
    scope: memory.scope,
    userId: memory.userId,
    team: memory.team,
    category: memory.category,
    content: memory.content,
    tags: memory.tags as string[],
    metadata: memory.metadata,
    revision: BigInt(memory.revision),
    etag: String(memory.changeNo),
    author: memory.author,
    createTime: timestampFromMicros(memory.createTime),
    updateTime: timestampFromMicros(memory.updateTime),
    deleteTime: deleteTime === undefined ? undefined : timestampFromMicros(deleteTime),
    expireTime: expireTime === undefined ? undefined : timestampFromMicros(expireTime),
    ttl: undefined,
  };
}

/** Of a message that this server encoded. */
function fromMessage(message: MemoryMessage): Memory {
  const { createTime, updateTime, deleteTime, expireTime } = message;
  return {
    id: message.id,
    key: message.key,
    scope: message.scope as Scope,
    userId: message.userId,
    team: message.team,
    category: message.category,
    content: message.content,
    tags: message.tags,
    metadata: message.metadata as JsonObject | undefined,
    revision: Number(message.revision),
    changeNo: Number(message.etag),
    author: message.author,
    createTime: createTime ? microsFromTimestamp(createTime) : 0,
    updateTime: updateTime ? microsFromTimestamp(updateTime) : 0,
    deleteTime: deleteTime && microsFromTimestamp(deleteTime),
    expireTime: expireTime && microsFromTimestamp(expireTime),
  };
}

export function toRevisionMessage({ operation, note, memory }: Revision): RevisionMessage {
  return {
    revision: BigInt(memory.revision),
    operation,
    author: memory.author,
    note,
    createTime: timestampFromMicros(memory.updateTime),
    memory: toMessage(memory),
  };
}
