import { once } from 'node:events';
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { forgetStreamsEarly } from '../../src/server/rpc/session-streams.ts';

const ending: (() => void)[] = [];
afterEach(() => {
  for (const end of ending.splice(0)) end();
});

interface Connected {
  readonly session: ClientHttp2Session;
  /** The server's end of it. */
  readonly served: ServerHttp2Session;
  /** Streams that the server has open, by the table it keeps. */
  readonly open: { readonly size: number; readonly constructor: { readonly name: string } };
  readonly streams: ServerHttp2Stream[];
}

async function connected(): Promise<Connected> {
  const server = createServer();
  forgetStreamsEarly({ http2Servers: new Map([[server, undefined]]) } as unknown as Server);
  const streams: ServerHttp2Stream[] = [];
  server.on('stream', (stream) => {
    stream.on('error', () => {});
    stream.respond({ ':status': 200 });
    streams.push(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [served] = (await once(server, 'session')) as [ServerHttp2Session];
  ending.push(() => {
    session.destroy();
    server.close();
  });
  const state = Object.getOwnPropertySymbols(served).find((symbol) => symbol.description === 'state') as symbol;
  const { streams: open } = (served as unknown as Record<symbol, { streams: Connected['open'] }>)[state] as {
    streams: Connected['open'];
  };
  return { session, served, open, streams };
}

/** Opens a stream and waits until the server has it. */
async function ask({ session, streams }: Connected): Promise<ServerHttp2Stream> {
  const stream = session.request({ ':path': '/' });
  stream.on('error', () => {}).resume();
  await once(stream, 'response');
  return streams.at(-1) as ServerHttp2Stream;
}

async function closed(stream: ServerHttp2Stream): Promise<void> {
  stream.end();
  await once(stream, 'close');
}

describe('the streams of a session', () => {
  it('are in a table of ours', async () => {
    const { open } = await connected();
    expect(open.constructor.name).toBe('SessionStreams');
  });

  it('are there from their first byte to their last, in whatever order they end', async () => {
    const connection = await connected();
    const all = [];
    for (let i = 0; i < 5; i++) all.push(await ask(connection));
    expect(connection.open.size).toBe(5);
    for (const i of [3, 0, 4]) await closed(all[i] as ServerHttp2Stream);
    expect(connection.open.size).toBe(2);
    for (let i = 0; i < 4; i++) await ask(connection);
    expect(connection.open.size).toBe(6);
    for (const stream of connection.streams) if (!stream.closed) await closed(stream);
    expect(connection.open.size).toBe(0);
  });

  it('keep their places while others come and go for long', async () => {
    const connection = await connected();
    const first = await ask(connection);
    let second: ServerHttp2Stream | undefined;
    for (let i = 1; i <= 600; i++) {
      const stream = await ask(connection);
      // The one that comes to the place of the first.
      if (i === 256) second = stream;
      else await closed(stream);
    }
    expect(connection.open.size).toBe(2);
    await closed(first);
    expect(connection.open.size).toBe(1);
    await closed(second as ServerHttp2Stream);
    expect(connection.open.size).toBe(0);
  });

  it('end with their session', async () => {
    const connection = await connected();
    for (let i = 0; i < 3; i++) await ask(connection);
    connection.session.destroy();
    await Promise.all(connection.streams.map((stream) => stream.closed || once(stream, 'close')));
    expect(connection.open.size).toBe(0);
  });

  it('keep a session that is closing until the last has ended', async () => {
    const connection = await connected();
    const stream = await ask(connection);
    connection.served.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(connection.served.destroyed).toBe(false);
    await closed(stream);
    if (!connection.served.destroyed) await once(connection.served, 'close');
    expect(connection.served.destroyed).toBe(true);
  });
});
