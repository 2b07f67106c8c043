import type { Timestamp } from './gen/google/protobuf/timestamp.ts';
import { Memory, Operation, type Revision, Scope } from './gen/memoryhub/v1/memory.ts';

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

/** Fields that only the server sets; on input they mean nothing, so that an export can be read back. */
const OUTPUT_FIELDS = new Set(['revision', 'etag', 'author', 'create_time', 'update_time', 'delete_time']);

/**
 * A memory to be saved from its JSON form, as `memoryToJson` and exports write it. Output fields are
 * left out, and so is the id of a memory that has a key, which the server derives.
 *
 * @throws Error naming the field that is unknown or of the wrong type
 */
export function memoryFromJson(json: Readonly<Record<string, unknown>>): Memory {
  const memory: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(json)) {
    if (OUTPUT_FIELDS.has(name)) continue;
    const field = INPUT_FIELDS.get(name);
    if (!field) throw new Error(`there is no field ${JSON.stringify(name.slice(0, 40))} in a memory`);
    memory[field.name] = field.read(value, name);
  }
  if (memory.key) delete memory.id;
  return Memory.fromPartial(memory);
}

interface InputField {
  readonly name: keyof Memory;
  read(value: unknown, name: string): unknown;
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  throw new Error(`${name} must be text`);
}

const INPUT_FIELDS: ReadonlyMap<string, InputField> = new Map<string, InputField>([
  ['id', { name: 'id', read: text }],
  ['key', { name: 'key', read: text }],
  ['user_id', { name: 'userId', read: text }],
  ['team', { name: 'team', read: text }],
  ['category', { name: 'category', read: text }],
  ['content', { name: 'content', read: text }],
  ['scope', { name: 'scope', read: readScope }],
  ['tags', { name: 'tags', read: readTags }],
  ['metadata', { name: 'metadata', read: readMetadata }],
  ['expire_time', { name: 'expireTime', read: readTime }],
]);

function readScope(value: unknown, name: string): Scope {
  const scope = Scope[text(value, name).replace(/^SCOPE_/, '') as keyof typeof Scope];
  if (scope === undefined) throw new Error(`${name} must be SCOPE_PERSONAL, SCOPE_TEAM or SCOPE_WORKSPACE`);
  return scope;
}

function readTags(value: unknown, name: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${name} must be a list of texts`);
  return value.map((tag) => text(tag, name));
}

function readMetadata(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${name} must be an object`);
}

/** RFC 3339 with up to nine digits of a second. */
function readTime(value: unknown, name: string): Timestamp {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text(value, name));
  const seconds = match ? Date.parse(`${match[1]}${match[3]}`) / 1000 : Number.NaN;
  if (Number.isNaN(seconds)) throw new Error(`${name} must be a time like 2026-11-23T14:22:07Z`);
  return { seconds: BigInt(seconds), nanos: Number((match?.[2] ?? '').padEnd(9, '0')) };
}

/** RFC 3339 in UTC with microseconds, for instance "2026-11-23T14:22:07.123456Z". */
export function timestampText(time: Timestamp): string {
  const seconds = new Date(Number(time.seconds) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(Math.floor(time.nanos / 1000)).padStart(6, '0')}Z`;
}

function invert(names: Record<string, number>, prefix: string): Record<number, string> {
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [value, prefix + name]));
}
