import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Role } from '../../src/server/domain/principal.ts';
import type { AnyMethod } from '../../src/server/rpc/method.ts';
import { AdminServiceService } from '../../src/shared/gen/memoryhub/v1/admin_service.ts';
import { MemoryServiceService } from '../../src/shared/gen/memoryhub/v1/memory_service.ts';
import { call, frame, rawCall, refusalOf, start, unary } from './harness.ts';

const LIMIT = 4 * 1024 * 1024;

/** A method with a real message, which answers with the request. */
function real(definition: AnyMethod['definition']): AnyMethod & { requests: unknown[] } {
  const requests: unknown[] = [];
  return {
    definition: { ...definition, responseSerialize: () => Buffer.alloc(0) },
    roles: [Role.READER],
    requests,
    handle: async (_call: unknown, request: unknown) => {
      requests.push(request);
      return '';
    },
  } as AnyMethod & { requests: unknown[] };
}

/** A length-delimited field. */
function field(number: number, ...content: Buffer[]): Buffer {
  const value = Buffer.concat(content);
  const { byteLength } = value;
  const length = byteLength < 128 ? [byteLength] : [(byteLength & 127) | 128, byteLength >> 7];
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length), value]);
}

/** Memory.metadata */
const METADATA = 9;

const INVALID = Buffer.of(0x61, 0xff, 0x62);

describe('bytes that are no message', () => {
  it.each([
    ['a cut field', Buffer.of(0x0a, 0x05, 0x61)],
    ['a wrong length', Buffer.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a varint without end', Buffer.alloc(16, 0xff)],
    ['an unknown wire type', Buffer.of(0x0f)],
    ['a group that is not closed', Buffer.of(0x7b, 0x08)],
    ['nesting without end', nested(400)],
  ])('%s are refused, and nothing is handled', async (_what, bytes) => {
    const method = real(MemoryServiceService.saveMemory);
    const server = await start([method]);
    const refusal = await refusalOf(call(server, method.definition.path, bytes));
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/MALFORMED_MESSAGE' });
    expect(refusal.text).toBe(`the ${bytes.byteLength} bytes of the request are not the message of this RPC`);
    expect(method.requests).toEqual([]);
    expect(server.seen.unexpected).toEqual([]);
  });
});

/** A request whose memory's metadata has lists within lists. */
function nested(depth: number): Buffer {
  let value: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level++) value = field(6, field(1, value));
  return field(1, field(METADATA, field(1, field(1, Buffer.from('key')), field(2, value))));
}

describe('text that is not UTF-8', () => {
  it.each([
    ['a field', AdminServiceService.revokeApiKey, field(1, INVALID), 'id'],
    [
      'a field of a nested message',
      AdminServiceService.createWorkspace,
      field(1, field(2, INVALID)),
      'workspace.description',
    ],
    [
      'an item of a list',
      AdminServiceService.createApiKey,
      field(1, field(2, Buffer.from('ok')), field(6, Buffer.from('ok')), field(6, INVALID)),
      'api_key.teams[1]',
    ],
    [
      'a message of a list',
      MemoryServiceService.batchSaveMemories,
      Buffer.concat([field(1, field(1, Buffer.from('ok'))), field(1, field(1, INVALID))]),
      'memories[1].id',
    ],
    ['half of a surrogate pair', AdminServiceService.revokeApiKey, field(1, Buffer.of(0xed, 0xa0, 0x80)), 'id'],
    ['an overlong form', AdminServiceService.revokeApiKey, field(1, Buffer.of(0xc0, 0x80)), 'id'],
    ['a cut character', AdminServiceService.revokeApiKey, field(1, Buffer.of(0xea, 0xb0)), 'id'],
  ])('%s is refused by name, never replaced', async (_what, definition, bytes, name) => {
    const method = real(definition as AnyMethod['definition']);
    const server = await start([method]);
    const refusal = await refusalOf(call(server, definition.path, bytes));
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/MALFORMED_MESSAGE' });
    expect(refusal.violations).toEqual([{ field: name, description: 'not valid UTF-8' }]);
    expect(method.requests).toEqual([]);
  });

  it('is not any text of Unicode: byte order marks, emoji and NUL arrive as they were sent', async () => {
    const method = real(AdminServiceService.revokeApiKey as AnyMethod['definition']);
    const server = await start([method]);
    const id = '\ufeffa\u0000\u{1f600}\ufffd가';
    await call(server, method.definition.path, field(1, Buffer.from(id)));
    expect(method.requests).toEqual([{ id }]);
  });
});

describe('the size of a message', () => {
  const size = unary('Size', async (_call, request) => String(request.length));

  it('may be exactly the limit', async () => {
    const server = await start([size]);
    expect((await call(server, 'Size', Buffer.alloc(LIMIT, 97))).text).toBe(String(LIMIT));
  });

  it('is refused one byte above the limit, naming both', async () => {
    const server = await start([size]);
    const refusal = await refusalOf(call(server, 'Size', Buffer.alloc(LIMIT + 1, 97)));
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memoryhub/MESSAGE_TOO_LARGE' });
    expect(refusal.text).toBe('the request has 4194305 bytes; at most 4194304 bytes are taken');
    expect(refusal.info).toEqual({ limit_bytes: '4194304' });
  });

  it('is refused by its announced length alone', async () => {
    const server = await start([size]);
    const announced = Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3);
    const refusal = await rawCall(server, '/test.Wire/Size', announced);
    expect(refusal.reason).toBe('memoryhub/MESSAGE_TOO_LARGE');
  });

  it('is limited for what is unpacked, not for what is sent', async () => {
    const server = await start([size]);
    const bomb = gzipSync(Buffer.alloc(LIMIT * 16));
    const refusal = await rawCall(server, '/test.Wire/Size', frame(bomb, 1), { 'grpc-encoding': 'gzip' });
    expect(refusal).toMatchObject({ code: 'RESOURCE_EXHAUSTED', reason: 'memoryhub/MESSAGE_TOO_LARGE' });
    expect(refusal.info).toEqual({ limit_bytes: '4194304' });
  });
});

describe('a compressed message', () => {
  const echo = unary('Echo', async (_call, request) => request);

  it('is unpacked', async () => {
    const server = await start([unary('Size', async (_call, request) => String(request.length))]);
    const packed = frame(gzipSync(Buffer.alloc(5000, 97)), 1);
    expect((await rawCall(server, '/test.Wire/Size', packed, { 'grpc-encoding': 'gzip' })).code).toBe('OK');
    expect(server.seen.ended[0]?.bytesReceived).toBe(5000);
  });

  it('that cannot be unpacked is malformed', async () => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('no'), 1), { 'grpc-encoding': 'gzip' });
    expect(refusal).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'memoryhub/MALFORMED_MESSAGE' });
  });

  it('in a way we do not know is refused with those we do', async () => {
    const server = await start([echo]);
    const refusal = await rawCall(server, '/test.Wire/Echo', frame(Buffer.from('no'), 1), { 'grpc-encoding': 'br' });
    expect(refusal).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'memoryhub/UNIMPLEMENTED' });
    expect(refusal.text).toContain('gzip or deflate');
  });
});
