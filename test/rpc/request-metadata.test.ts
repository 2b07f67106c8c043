import type { IncomingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { RequestMetadata } from '../../src/server/rpc/request-metadata.ts';

function metadataOf(headers: IncomingHttpHeaders): Metadata {
  return new RequestMetadata(headers) as unknown as Metadata;
}

describe('the metadata of a request', () => {
  const headers = {
    ':path': '/memoryhub.v1.MemoryService/GetMemory',
    te: 'trailers',
    'grpc-timeout': '1S',
    'x-request-id': 'mine',
    'user-agent': 'somebody',
  };

  it('is its headers without those of HTTP/2 and of the transport', () => {
    expect(metadataOf(headers)).toBeInstanceOf(Metadata);
    expect(metadataOf(headers).toJSON()).toEqual({ 'x-request-id': ['mine'], 'user-agent': ['somebody'] });
    expect(metadataOf(headers).getMap()).toEqual({ 'x-request-id': 'mine', 'user-agent': 'somebody' });
  });

  it('has each field by its name in any case, and an empty list where there is none', () => {
    const metadata = metadataOf(headers);
    const look = () => ['X-Request-Id', 'User-Agent', 'te', ':path', 'traceparent'].map((name) => metadata.get(name));
    const seen = look();
    expect(seen).toEqual([['mine'], ['somebody'], [], [], []]);
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

  it('is without what was taken out of it', () => {
    const metadata = metadataOf(headers);
    metadata.remove('X-Request-Id');
    expect(metadata.get('x-request-id')).toEqual([]);
    expect(metadata.toJSON()).toEqual({ 'user-agent': ['somebody'] });
  });

  it('can be added to, cloned and merged', () => {
    const metadata = metadataOf({ te: 'trailers', 'x-request-id': 'mine' });
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
