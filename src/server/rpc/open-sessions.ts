import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { http2ServersOf, socketOf, streamsOf } from './http2-inside.ts';

const LOOK_EVERY_MS = 20;
/** A busy caller has made its next call by then. */
const BUSY_MS = 200;
/** How long a caller who was told that a connection is closed may leave it open. */
const LINGER_MS = 1_000;
/** The first one is perhaps read by nginx together with the end of an answer, behind which it may make another call. */
const PINGS = 2;

/**
 * The sessions of a server that are open, so that a server that stops can take leave of each in a way that cuts no
 * call. To close a session is to send GOAWAY with the number of the last call that was seen. A call that was on its
 * way by then is lost: clients of gRPC make it again by themselves, but nginx, which keeps connections for one call at
 * a time, never repeats what it has sent. HTTP/2's own way, a first GOAWAY that still lets calls in, Node.js does not
 * have. So a session is closed while a call waits for its answer, this one or the next: no other one of nginx can be on
 * its way then, and it learns before the answer that the connection is good for no more. One without a call is pinged:
 * nginx closes a connection it keeps for later when anything comes, and if it has just put a call on it, that is next.
 * Who answers, and still makes no call, is not nginx.
 *
 * The caller is to end the connection, who has the answer by then: nginx drops one that is followed by the end at once,
 * while it still has to acknowledge the settings of the connection, or a ping.
 */
export class OpenSessions {
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(server: Server) {
    for (const http2Server of http2ServersOf(server)) http2Server.on('session', (session) => this.#add(session));
  }

  #add(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
  }

  /** Closes all of them. Resolves when each is closed, if not gone; after `waitMs` also without a good moment. */
  async close(waitMs: number): Promise<void> {
    const startedAt = performance.now();
    const pinged = new Map<ServerHttp2Session, Pings>();
    for (const session of this.#sessions) {
      if (hasUnanswered(session)) close(session);
      // Before the call is handled: its answer would be on the way first.
      else session.prependOnceListener('stream', () => close(session));
      pinged.set(session, { answered: 0, isUnderway: false });
    }
    for (;;) {
      const waitedMs = performance.now() - startedAt;
      let open = 0;
      for (const [session, pings] of pinged) {
        if (waitedMs >= waitMs || (waitedMs >= BUSY_MS && pings.answered >= PINGS)) close(session);
        if (session.closed || session.destroyed) continue;
        open += 1;
        if (!hasStreams(session)) ping(session, pings);
      }
      if (open === 0) return;
      await delay(LOOK_EVERY_MS);
    }
  }
}

interface Pings {
  answered: number;
  isUnderway: boolean;
}

/** Sends the next one once the last one is answered. */
function ping(session: ServerHttp2Session, pings: Pings): void {
  if (pings.isUnderway) return;
  pings.isUnderway = session.ping((error) => {
    pings.isUnderway = false;
    if (error === null) pings.answered += 1;
  });
}

/** Closes a session behind its last call, and has its caller end the connection. */
function close(session: ServerHttp2Session): void {
  if (session.closed || session.destroyed) return;
  const socket = socketOf(session);
  if (socket !== undefined) endBehindCaller(socket);
  session.close();
}

/** From now on its end waits for that of the other side, which is not waited for long. */
function endBehindCaller(socket: Socket): void {
  const end = socket.end.bind(socket) as (...args: unknown[]) => Socket;
  socket.end = (...args: unknown[]) => {
    if (socket.readableEnded) return end(...args);
    const cutOff = setTimeout(() => {
      end(...args);
      socket.destroySoon();
    }, LINGER_MS);
    socket.once('end', () => end(...args)).once('close', () => clearTimeout(cutOff));
    return socket;
  };
}

function hasStreams(session: ServerHttp2Session): boolean {
  return (streamsOf(session)?.streams.size ?? 0) > 0;
}

/** Whether a session has a call whose answer is not on its way to the end; false where that cannot be seen. */
function hasUnanswered(session: ServerHttp2Session): boolean {
  let found = false;
  streamsOf(session)?.streams.forEach((stream) => {
    found ||= !stream.writableEnded;
  });
  return found;
}
