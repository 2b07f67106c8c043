import type { ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { http2ServersOf, streamsOf } from './http2-inside.ts';

const PING_EVERY_MS = 50;

/**
 * The sessions of a server that are open, so that a server that stops can take leave of each in a way that cuts no
 * call. To close a session is to send GOAWAY with the number of the last call that was seen. A call that was on its
 * way by then is lost: clients of gRPC make it again by themselves, but nginx, which keeps connections for one call at
 * a time, never repeats what it has sent. HTTP/2's own way, a first GOAWAY that still lets calls in, Node.js does not
 * have. So a session is closed while a call waits for its answer, this one or the next: no other one of nginx can be on
 * its way then, and it learns before the answer that the connection is good for no more. One without a call is pinged:
 * nginx closes a connection it keeps for later when anything comes, and if it has just put a call on it, that is next.
 */
export class OpenSessions {
  readonly #sessions = new Set<ServerHttp2Session>();
  #closed: (() => void) | undefined;

  constructor(server: Server) {
    for (const http2Server of http2ServersOf(server)) http2Server.on('session', (session) => this.#add(session));
  }

  #add(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#closed?.();
    });
  }

  /** Resolves when all are closed, or after `waitMs`: what has neither had a call by then nor gone bears a GOAWAY. */
  async closeWithCalls(waitMs: number): Promise<void> {
    if (this.#sessions.size === 0 || waitMs <= 0) return;
    for (const session of this.#sessions) {
      if (hasUnanswered(session)) session.close();
      // Before the call is handled: its answer would be on the way first.
      else session.prependOnceListener('stream', () => session.close());
    }
    const pinger = setInterval(() => this.#ping(), PING_EVERY_MS);
    this.#ping();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs);
      this.#closed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    clearInterval(pinger);
  }

  #ping(): void {
    for (const session of this.#sessions) if (!session.closed && !session.destroyed) session.ping(() => {});
  }
}

/** Whether a session has a call whose answer is not on its way to the end; false where that cannot be seen. */
function hasUnanswered(session: ServerHttp2Session): boolean {
  let found = false;
  streamsOf(session)?.streams.forEach((stream) => {
    found ||= !stream.writableEnded;
  });
  return found;
}
