import type { Http2Server, Http2Stream, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';

/** What grpc-js and Node.js keep to themselves of a server's HTTP/2. Where they have changed inside, there is none of it. */

/** What Node.js uses of the Map that a session has its streams in, by their ids. */
export interface Streams {
  readonly size: number;
  get(id: number): Http2Stream | undefined;
  set(id: number, stream: Http2Stream): unknown;
  delete(id: number): boolean;
  forEach(use: (stream: Http2Stream) => void): void;
}

/** The HTTP/2 servers of a server, one for each port that is open already. */
export function http2ServersOf(server: Server): Http2Server[] {
  const { http2Servers } = server as unknown as { readonly http2Servers?: Map<Http2Server, unknown> };
  return http2Servers instanceof Map ? [...http2Servers.keys()] : [];
}

/** What has the streams of a session, to look at or to replace. */
export function streamsOf(session: ServerHttp2Session): { streams: Streams } | undefined {
  const state = hidden(session, 'state') as { streams?: Streams } | undefined;
  return typeof state?.streams?.forEach === 'function' ? (state as { streams: Streams }) : undefined;
}

/** The socket of a session itself: that which Node.js shows of it cannot be ended. */
export function socketOf(session: ServerHttp2Session): Socket | undefined {
  const socket = hidden(session, 'socket') as Socket | undefined;
  return typeof socket?.end === 'function' ? socket : undefined;
}

function hidden(session: ServerHttp2Session, name: string): unknown {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === name);
  return key && (session as unknown as Record<symbol, unknown>)[key];
}
