import type { IncomingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import '../../src/server/rpc/request-metadata.ts';

function metadataOf(headers: IncomingHttpHeaders): Metadata {
  return Metadata.fromHttp2Headers(headers);
}

describe('the metadata of a request', () => {
  const headers = { ':path': '/memoryhub.v1.MemoryService/GetMemory', te: 'trailers', 'x-request-id': 'mine' };

  it('is its headers without those of HTTP/2', () => {
    expect(metadataOf(headers)).toBeInstanceOf(Metadata);
    expect(metadataOf(headers).toJSON()).toEqual({ te: ['trailers'], 'x-request-id': ['mine'] });
    expect(metadataOf(headers).getMap()).toEqual({ te: 'trailers', 'x-request-id': 'mine' });
  });

  it('has each field by its name in any case, and an empty list where there is none', () => {
    const metadata = metadataOf(headers);
    const look = () => ['X-Request-Id', 'te', ':path', 'constructor', 'traceparent'].map((name) => metadata.get(name));
    const seen = look();
    expect(seen).toEqual([['mine'], ['trailers'], [], [], []]);
    metadata.toJSON();
    expect(look()).toEqual(seen);
  });

  it.each([
    ['bytes', 'x-key-bin', 'AQI=,Aw', [Buffer.of(1, 2), Buffer.of(3)]],
    ['a field that is there twice', 'set-cookie', ['a', 'b'], ['a', 'b']],
    ['nothing of a field that is not printable ASCII', 'x-name', 'José', []],
  ])('has %s as grpc-js makes it', (_what, name, value, expected) => {
    const metadata = metadataOf({ ':method': 'POST', 'x-other': 'plain', [name]: value });
    expect(metadata.get(name)).toEqual(expected);
    expect(metadata.toJSON()).toEqual({ 'x-other': ['plain'], ...(expected.length > 0 && { [name]: expected }) });
  });

  it('is without what was taken out of it, whether that was looked at before or not', () => {
    const metadata = metadataOf({ ...headers, 'grpc-timeout': '1S' });
    metadata.remove('te');
    expect(metadata.get('te')).toEqual([]);
    expect(metadata.get('grpc-timeout')).toEqual(['1S']);
    metadata.remove('x-request-id');
    metadata.remove('grpc-timeout');
    expect(metadata.toJSON()).toEqual({});
  });

  it('can be added to, cloned and merged', () => {
    const metadata = metadataOf({ te: 'trailers', 'x-request-id': 'mine' });
    metadata.remove('te');
    metadata.add('x-request-id', 'too');
    metadata.set('x-other', 'new');
    const clone = metadata.clone();
    metadata.remove('x-other');
    clone.merge(metadataOf({ 'x-third': 'there' }));
    expect(metadata.toJSON()).toEqual({ 'x-request-id': ['mine', 'too'] });
    expect(clone.toJSON()).toEqual({ 'x-request-id': ['mine', 'too'], 'x-other': ['new'], 'x-third': ['there'] });
    expect(clone.getOptions()).toEqual({});
  });
});
