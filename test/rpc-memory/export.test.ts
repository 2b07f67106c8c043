import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Memory, Scope } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import {
  type ExportChunk,
  ExportFormat,
  type ExportHeader,
  ExportMemoriesResponse,
  type ExportTrailer,
} from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { LIMITS } from '../../src/shared/limits.ts';
import { memoryFromJson } from '../../src/shared/memory-json.ts';
import { collect, fieldsOf, type Memories, memoryServer, refusalOf, type TestWorkspace } from './harness.ts';

const { PROTO, JSONL, CSV } = ExportFormat;
const FORMATS = [
  ['PROTO', PROTO],
  ['JSONL', JSONL],
  ['CSV', CSV],
] as const;

/** Text that formats could spoil: quotes, line ends, formulas, controls, a byte order mark. */
const ODD = ['=HYPERLINK("x")', '+1', '@a,b', 'a\r\nb\nc', '"', '\ufeffx', '\u0001\u007f\u2028', '🦉 e\u0301', ' x '];

const server = memoryServer();
let space: TestWorkspace;

beforeAll(async () => {
  space = await server().newWorkspace();
  const small = Array.from({ length: 1500 }, (_, index) => ({
    content: ODD[index % ODD.length] ?? '',
    tags: index % 5 === 0 ? ['a,"b"', 'c'] : [],
    category: index % 2 === 0 ? 'even' : 'odd',
    ...(index % 7 === 0 ? { metadata: { n: index, __proto: 'x"' } } : {}),
    ...(index % 11 === 0 ? { userId: 'ann' } : {}),
  }));
  await space.memories.batchSaveMemories({ memories: small.slice(0, 800) });
  await space.memories.batchSaveMemories({ memories: small.slice(800) });
  // In JSON these are 1.5 MiB each: more than a message may have.
  for (let i = 0; i < 2; i++) {
    await space.memories.saveMemory({
      memory: { content: '\u0001'.repeat(LIMITS.contentBytes.max), category: 'even' },
    });
    await space.memories.saveMemory({ memory: { content: 'y'.repeat(100_000), category: 'odd' } });
  }
});
afterEach(() => {
  expect(server().faults).toEqual([]);
});

type Fields = Parameters<Memories['exportMemories']>[0];

interface Export {
  readonly header: ExportHeader;
  readonly chunks: ExportChunk[];
  readonly trailer: ExportTrailer;
  readonly data: Buffer;
}

async function exported(fields: Fields, memories = space.memories): Promise<Export> {
  const events = (await collect(memories.exportMemories(fields))).map(({ event }) => event);
  const first = events.shift();
  const last = events.pop();
  if (first?.$case !== 'header' || last?.$case !== 'trailer') throw new Error('no header, or no trailer');
  const chunks = events.map((event) => {
    if (event?.$case !== 'chunk') throw new Error('not a chunk');
    return event.value;
  });
  return { header: first.value, chunks, trailer: last.value, data: Buffer.concat(chunks.map(({ data }) => data)) };
}

function protoRows(data: Uint8Array): Memory[] {
  const reader = new BinaryReader(data);
  const rows: Memory[] = [];
  while (reader.pos < reader.len) rows.push(Memory.decode(reader, reader.uint32()));
  return rows;
}

/** RFC 4180, read by the book. */
function csvRows(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  const field = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy;
  for (let match = field.exec(text); match !== null; match = field.exec(text)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  expect(field.lastIndex).toBe(0);
  expect(rows.map((fields) => fields.join()).join('').length).toBeLessThanOrEqual(text.length);
  return rows;
}

describe('ExportMemories', () => {
  it.each(FORMATS)('%s: header, checked chunks under 1 MiB, trailer with count and digest', async (_, format) => {
    const { header, chunks, trailer } = await exported({ format });
    expect(header).toMatchObject({ schemaVersion: 1, rowsBefore: 0n });
    expect(header.revision).toBe(1504n);
    let digest = Buffer.alloc(32);
    for (const { data, crc32: sum } of chunks) {
      expect(sum).toBe(crc32(data));
      digest = Buffer.from(hash('sha256', Buffer.concat([digest, hash('sha256', data, 'buffer')]), 'buffer'));
    }
    expect(trailer.digest.equals(digest)).toBe(true);
    expect(trailer.count).toBe(1504n);
    expect(chunks.reduce((sum, { rows }) => sum + rows, 0n)).toBe(1504n);
    const messages = chunks.map((value) => ExportMemoriesResponse.encode({ event: { $case: 'chunk', value } }));
    expect(Math.max(...messages.map((message) => message.finish().length))).toBeLessThan(LIMITS.streamBytes.max);
    expect(chunks.length).toBeGreaterThan(3);
    // A few rows, so that they are there at once.
    expect(chunks[0]?.rows).toBe(32n);
  });

  it.each(FORMATS)('%s: resumed behind any chunk it gives the same chunks, count and digest', async (_, format) => {
    const whole = await exported({ format });
    for (const [index, { resumeToken }] of whole.chunks.entries()) {
      const rest = await exported({ format, resumeToken });
      expect(rest.chunks.map(({ crc32: sum, rows }) => [sum, rows])).toEqual(
        whole.chunks.slice(index + 1).map(({ crc32: sum, rows }) => [sum, rows]),
      );
      expect(rest.trailer).toEqual(whole.trailer);
      const before = whole.chunks.slice(0, index + 1).reduce((sum, { rows }) => sum + rows, 0n);
      expect(rest.header).toEqual({ ...whole.header, rowsBefore: before });
    }
  });

  it('leaves the bytes of a chunk alone while they wait for a slow reader', async () => {
    let chunks = 0;
    for await (const { event } of space.memories.exportMemories({ format: JSONL })) {
      await sleep(20);
      if (event?.$case !== 'chunk') continue;
      chunks++;
      expect(crc32(event.value.data)).toBe(event.value.crc32);
    }
    expect(chunks).toBeGreaterThan(10);
  });

  it('has the same rows in every format, every byte as it was saved', async () => {
    const proto = protoRows((await exported({ format: PROTO })).data);
    expect(proto.map(({ id }) => id)).toEqual(proto.map(({ id }) => id).sort());
    expect(new Set(proto.map(({ content }) => content)).size).toBe(ODD.length + 2);

    const lines = (await exported({ format: JSONL })).data.toString().split('\n');
    expect(lines.pop()).toBe('');
    for (const [index, line] of lines.entries()) {
      const row = proto[index];
      const json = JSON.parse(line);
      expect(json).toMatchObject({
        id: row?.id,
        scope: row?.scope === Scope.PERSONAL ? 'SCOPE_PERSONAL' : 'SCOPE_WORKSPACE',
      });
      expect(json.revision).toBe('1');
      expect(json.create_time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      const { content, tags, metadata, category } = memoryFromJson(json);
      expect([content, tags, metadata, category]).toEqual([row?.content, row?.tags, row?.metadata, row?.category]);
    }

    const [names, ...rows] = csvRows((await exported({ format: CSV })).data.toString());
    const column = (name: string) => names?.indexOf(name) ?? -1;
    expect(rows.map((row) => row[column('content')])).toEqual(proto.map(({ content }) => content));
    expect(rows.map((row) => row[column('id')])).toEqual(proto.map(({ id }) => id));
    expect(rows.map((row) => row[column('tags')])).toEqual(
      proto.map(({ tags }) => (tags.length ? JSON.stringify(tags) : '')),
    );
    expect(rows.map((row) => row[column('metadata')])).toEqual(
      proto.map(({ metadata }) => (metadata ? JSON.stringify(metadata) : '')),
    );
  });

  it('shows the state at its revision, whatever is written while it is interrupted', async () => {
    const own = await server().newWorkspace();
    const { memories } = await own.memories.batchSaveMemories({
      memories: Array.from({ length: 900 }, (_, index) => ({
        content: `as it was ${index}`.padEnd(400),
        category: 'c',
      })),
    });
    const whole = await exported({ format: JSONL, filter: 'category = "c"' }, own.memories);
    const [first] = whole.chunks;
    const resumeToken = first?.resumeToken ?? '';
    for (const [index, { id }] of memories.entries()) {
      if (index % 90 === 0) await own.memories.deleteMemory({ id });
      if (index % 90 === 1) await own.memories.updateMemory({ memory: { id, content: 'changed', category: 'd' } });
    }
    await own.memories.batchSaveMemories({ memories: [{ content: 'new', category: 'c' }] });
    const rest = await exported({ format: JSONL, filter: 'category = "c"', resumeToken }, own.memories);
    expect(Buffer.concat([first?.data ?? Buffer.alloc(0), rest.data]).equals(whole.data)).toBe(true);
    expect(rest.trailer).toEqual(whole.trailer);
    const now = await exported({ format: JSONL, filter: 'category = "c"' }, own.memories);
    expect(now.trailer.count).toBe(881n);
  });

  it('filters, and judges reach, as lists do', async () => {
    expect((await exported({ filter: 'category = "even"' })).trailer.count).toBe(752n);
    const ann = await space.withKey({ userId: 'ann' });
    const bob = await space.withKey({ userId: 'bob' });
    expect((await exported({}, ann)).trailer.count).toBe(1504n);
    const rows = protoRows((await exported({}, bob)).data);
    expect(rows).toHaveLength(1504 - 137);
    expect(rows.every(({ scope }) => scope === Scope.WORKSPACE)).toBe(true);
  });

  it('exports deleted memories only when asked', async () => {
    const own = await server().newWorkspace();
    const { id } = await own.memories.saveMemory({ memory: { content: 'x' } });
    await own.memories.deleteMemory({ id });
    expect((await exported({}, own.memories)).trailer.count).toBe(0n);
    const [row] = protoRows((await exported({ showDeleted: true }, own.memories)).data);
    expect(row?.deleteTime).toBeDefined();
  });

  it('of nothing is a header and a trailer; as CSV it has its line of names', async () => {
    const own = await server().newWorkspace();
    const proto = await exported({}, own.memories);
    expect(proto).toMatchObject({ chunks: [], trailer: { count: 0n, digest: Buffer.alloc(32) } });
    const csv = await exported({ format: CSV }, own.memories);
    expect(csv.data.toString()).toMatch(/^id,key,scope,.*\r\n$/);
    expect(csv).toMatchObject({ chunks: [{ rows: 0n }], trailer: { count: 0n } });
    const rest = await exported({ format: CSV, resumeToken: csv.chunks[0]?.resumeToken ?? '' }, own.memories);
    expect(rest).toMatchObject({ chunks: [], trailer: csv.trailer });
  });

  it('refuses a resume token of another filter, format, reach or workspace, and unknown formats', async () => {
    const [chunk] = (await exported({ format: JSONL })).chunks;
    const resumeToken = chunk?.resumeToken ?? '';
    const bob = await space.withKey({ userId: 'bob' });
    const other = await server().newWorkspace();
    for (const call of [
      space.memories.exportMemories({ format: CSV, resumeToken }),
      space.memories.exportMemories({ format: JSONL, resumeToken, filter: 'category = "even"' }),
      space.memories.exportMemories({ format: JSONL, resumeToken, showDeleted: true }),
      bob.exportMemories({ format: JSONL, resumeToken }),
      other.memories.exportMemories({ format: JSONL, resumeToken }),
      space.memories.listMemories({ pageToken: resumeToken }),
    ]) {
      const error = await refusalOf(call);
      expect(error.reason).toBe('INVALID_TOKEN');
      expect(fieldsOf(error)[0]).toMatch(/^(resume|page)_token$/);
    }
    const unknown = space.memories.exportMemories({ format: 4 as ExportFormat });
    expect(fieldsOf(await refusalOf(unknown))).toEqual(['format']);
    expect((await exported({ format: ExportFormat.UNSPECIFIED })).data).toEqual(
      (await exported({ format: PROTO })).data,
    );
  });
});
