import type { Timestamp } from './gen/google/protobuf/timestamp.ts';
import { type Memory, Operation, type Revision, Scope } from './gen/memoryhub/v1/memory.ts';

/** A memory in the proto3 JSON mapping, with the field names of the proto; unset fields are left out. */
export type MemoryJson = Record<string, unknown>;

const SCOPES = invert(Scope, 'SCOPE_');
const OPERATIONS = invert(Operation, 'OPERATION_');

/** As exports write it: times in RFC 3339 with microseconds, int64 as text. */
export function memoryToJson(memory: Memory): MemoryJson {
  const json: MemoryJson = {};
  const set = (name: string, value: unknown, isSet: boolean) => {
    if (isSet) json[name] = value;
  };
  set('id', memory.id, memory.id !== '');
  set('key', memory.key, memory.key !== '');
  set('scope', SCOPES[memory.scope], memory.scope !== Scope.UNSPECIFIED);
  set('user_id', memory.userId, memory.userId !== '');
  set('team', memory.team, memory.team !== '');
  set('category', memory.category, memory.category !== '');
  set('content', memory.content, memory.content !== '');
  set('tags', memory.tags, memory.tags.length > 0);
  set('metadata', memory.metadata, memory.metadata !== undefined);
  set('revision', String(memory.revision), memory.revision !== 0n);
  set('etag', memory.etag, memory.etag !== '');
  set('author', memory.author, memory.author !== '');
  for (const [name, time] of [
    ['create_time', memory.createTime],
    ['update_time', memory.updateTime],
    ['delete_time', memory.deleteTime],
    ['expire_time', memory.expireTime],
  ] as const) {
    if (time) json[name] = timestampText(time);
  }
  return json;
}

export function revisionToJson(revision: Revision): Record<string, unknown> {
  return {
    revision: String(revision.revision),
    operation: OPERATIONS[revision.operation],
    author: revision.author,
    note: revision.note,
    ...(revision.createTime ? { create_time: timestampText(revision.createTime) } : {}),
    ...(revision.memory ? { memory: memoryToJson(revision.memory) } : {}),
  };
}

/** RFC 3339 in UTC with microseconds, for instance "2026-11-23T14:22:07.123456Z". */
export function timestampText(time: Timestamp): string {
  const seconds = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(Math.floor(time.nanos / 1000)).padStart(6, '0')}Z`;
}

function invert(names: Record<string, number>, prefix: string): Record<number, string> {
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [value, prefix + name]));
}
