import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ByteSink } from '../../src/server/domain/byte-sink.ts';
import type { JsonObject, Memory } from '../../src/server/domain/memory.ts';
import { MemoryRow, TextField } from '../../src/server/domain/memory-row.ts';
import { formatTime } from '../../src/server/domain/time.ts';
import { writeCsvLine } from '../../src/server/rpc/memory/csv-row.ts';
import { writeJsonLine } from '../../src/server/rpc/memory/jsonl-row.ts';
import { basicView } from '../../src/server/rpc/memory/message-view.ts';
import { protoCodec, toMessage } from '../../src/server/rpc/memory/proto-codec.ts';
import { writeMemoryMessage } from '../../src/server/rpc/memory/proto-memory.ts';
import { protoRow } from '../../src/server/rpc/memory/proto-row.ts';
import { Memory as MemoryMessage } from '../../src/shared/gen/memoryhub/v1/memory.ts';
import { memoryToJson } from '../../src/shared/memory-json.ts';

/** As lists and exports get a memory: texts side by side in one buffer, in no particular order. */
function rowOf(memory: Memory): MemoryRow {
  const row = new MemoryRow();
  let bytes = Buffer.from('before');
  const place = (part: Buffer | string) => {
    const start = bytes.length;
    bytes = Buffer.concat([bytes, Buffer.from(part)]);
    return [start, bytes.length] as const;
  };
  row.setText(TextField.CONTENT, ...place(memory.content));
  row.setText(TextField.USER_ID, ...place(memory.userId));
  row.setText(TextField.TEAM, ...place(memory.team));
  for (const tag of memory.tags) row.addTag(...place(tag));
  row.setText(TextField.KEY, ...place(memory.key));
  row.setText(TextField.CATEGORY, ...place(memory.category));
  row.setText(TextField.AUTHOR, ...place(memory.author));
  row.idAt = place(Buffer.from(memory.id.replaceAll('-', ''), 'hex'))[0];
  if (memory.metadata !== undefined) {
    [row.metadataStart, row.metadataEnd] = place(JSON.stringify(memory.metadata));
  }
  const { scope, revision, changeNo, createTime, updateTime, expireTime, deleteTime } = memory;
  return Object.assign(row, { bytes, scope, revision, changeNo, createTime, updateTime, expireTime, deleteTime });
}

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
/** Quotes, line ends, controls, four-byte characters; also long enough for lengths of three bytes. */
const odd = fc.oneof(
  text,
  fc.string({ unit: fc.constantFrom('"', ',', '\r', '\n', '\\', '\u0001', '\u001f', '\u007f', '\u2028', '한', '🦉') }),
  fc.nat(40_000).map((length) => 'x'.repeat(length)),
);
const micros = fc.integer({ min: 0, max: 9_000_000_000_000_000 });
const json = fc.jsonValue({ maxDepth: 4, stringUnit: 'grapheme' });
const metadata = fc
  .dictionary(text, json, { maxKeys: 5 })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
const memories: fc.Arbitrary<Memory> = fc.record({
  id: fc.uuid(),
  scope: fc.constantFrom(1, 2, 3),
  userId: text,
  team: text,
  key: text,
  category: text,
  content: odd,
  tags: fc.array(odd, { maxLength: 5 }),
  metadata: fc.option(metadata, { nil: undefined }),
  revision: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  changeNo: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  author: text,
  createTime: micros,
  updateTime: micros,
  deleteTime: fc.option(micros, { nil: undefined }),
  expireTime: fc.option(micros, { nil: undefined }),
});

function written(write: (row: MemoryRow, out: ByteSink) => void, memory: Memory): Buffer {
  const out = new ByteSink(16);
  write(rowOf(memory), out);
  return out.written;
}

/** Behind tag and length. */
function framed(tag: number, message: Uint8Array): Buffer {
  const out = new ByteSink(16);
  out.byte(tag);
  out.varint(message.length);
  return Buffer.concat([out.written, message]);
}

/** By the generated code. */
function encoded(memory: Memory): Uint8Array {
  return MemoryMessage.encode(toMessage(memory)).finish();
}

it('a memory is written as the message that ts-proto makes of it, whole and in VIEW_BASIC', () => {
  fc.assert(
    fc.property(memories, (memory) => {
      expect(Buffer.from(protoCodec.encode(memory)).equals(encoded(memory))).toBe(true);
      const out = new ByteSink(16);
      writeMemoryMessage(memory, out, false);
      expect(out.written.equals(encoded({ ...memory, content: '', metadata: undefined }))).toBe(true);
    }),
  );
});

it('a row is written as the message that ts-proto makes of the memory, whole and in VIEW_BASIC', () => {
  fc.assert(
    fc.property(memories, (memory) => {
      const message = encoded(memory);
      expect(written(protoRow(10, true), memory).equals(framed(10, message))).toBe(true);
      expect(written(protoRow(10, false), memory).equals(framed(10, basicView(message)))).toBe(true);
    }),
  );
});

it('a row is written as the line that JSON.stringify makes of the memory', () => {
  fc.assert(
    fc.property(memories, (memory) => {
      const line = `${JSON.stringify(memoryToJson(toMessage(memory)))}\n`;
      expect(written(writeJsonLine, memory).toString()).toBe(line);
    }),
  );
});

it('a row is written as a line of RFC 4180', () => {
  const scopes = ['', 'SCOPE_PERSONAL', 'SCOPE_TEAM', 'SCOPE_WORKSPACE'];
  const time = (at: number | undefined) => (at === undefined ? '' : formatTime(at));
  fc.assert(
    fc.property(memories, (memory) => {
      const { id, key, scope, userId, team, category, content, tags, revision, changeNo, author } = memory;
      const fields = [id, key, scopes[scope] ?? '', userId, team, category, content];
      fields.push(
        tags.length === 0 ? '' : JSON.stringify(tags),
        memory.metadata ? JSON.stringify(memory.metadata) : '',
      );
      fields.push(String(revision), String(changeNo), author);
      fields.push(...[memory.createTime, memory.updateTime, memory.deleteTime, memory.expireTime].map(time));
      const quoted = fields.map((field) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field));
      expect(written(writeCsvLine, memory).toString()).toBe(`${quoted.join()}\r\n`);
    }),
  );
});
