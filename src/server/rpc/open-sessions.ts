import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Server } from '@grpc/grpc-js';
import { http2ServersOf, socketOf, streamsOf } from './http2-inside.ts';

const LOOK_EVERY_MS = 20;
/** A busy caller has made its next call by then. */
const BUSY_MS = 200;
/** How long a caller who was told that a connection is closed may leave its end to us. */
const LINGER_MS = 2_000;
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
 */
export class OpenSessions {
  readonly #sessions = new Map<ServerHttp2Session, Caller>();
  #areLeft = false;

  constructor(server: Server) {
    for (const http2Server of http2ServersOf(server)) http2Server.on('session', (session) => this.#add(session));
  }

  #add(session: ServerHttp2Session): void {
    const caller: Caller = { hasSpoken: false, pingsAnswered: 0, isPinged: false };
    this.#sessions.set(session, caller);
    session.once('close', () => this.#sessions.delete(session));
    session.once('remoteSettings', () => {
      caller.hasSpoken = true;
    });
    endBehindCaller(session);
    pingAlsoWhenClosed(session);
    if (this.#areLeft) closeAtCall(session);
  }

  /** Closes all of them. Resolves when each is closed, if not gone; after `waitMs` also without a good moment. */
  async close(waitMs: number): Promise<void> {
    const startedAt = performance.now();
    this.#areLeft = true;
    for (const session of this.#sessions.keys()) {
      if (hasUnanswered(session)) session.close();
      else closeAtCall(session);
    }
    for (;;) {
      const waitedMs = performance.now() - startedAt;
      let open = 0;
      for (const [session, caller] of this.#sessions) {
        if (session.closed || session.destroyed) continue;
        const isIdle = !caller.hasSpoken || caller.pingsAnswered >= PINGS;
        if (waitedMs >= waitMs || (waitedMs >= BUSY_MS && isIdle)) {
          session.close();
          continue;
        }
        open += 1;
        if (!hasStreams(session)) ping(session, caller);
      }
      if (open === 0) return;
      await delay(LOOK_EVERY_MS);
    }
  }
}

/** What is known of who has a session at the other end. */
interface Caller {
  /** HTTP/2, that is. */
  hasSpoken: boolean;
  pingsAnswered: number;
  isPinged: boolean;
}

/** Sends the next ping once the last one is answered. */
function ping(session: ServerHttp2Session, caller: Caller): void {
  if (caller.isPinged) return;
  caller.isPinged = session.ping((error) => {
    caller.isPinged = false;
    if (error === null) caller.pingsAnswered += 1;
  });
}

/** Before the call is handled: its answer would be on the way first. */
function closeAtCall(session: ServerHttp2Session): void {
  session.prependOnceListener('stream', () => session.close());
}

/**
 * Has the caller of a session that was closed end the connection, who has every answer by then: nginx drops one that is
 * followed by the end at once, while it still has to acknowledge the settings of the connection, or a ping.
 */
function endBehindCaller(session: ServerHttp2Session): void {
  const socket = socketOf(session);
  if (socket === undefined) return;
  const end = socket.end.bind(socket) as (...args: unknown[]) => Socket;
  let hadCall = false;
  session.once('stream', () => {
    hadCall = true;
  });
  socket.end = (...args: unknown[]) => {
    if (!hadCall || !session.closed || socket.readableEnded) return end(...args);
    const timer = setTimeout(end, LINGER_MS, ...args);
    socket.once('end', () => end(...args)).once('close', () => clearTimeout(timer));
    return socket;
  };
}

/**
 * Answers for the caller of a session that was closed, which Node.js does not ping any more: grpc-js would take that for
 * a connection that is dead, and cut off the calls that are still under way.
 */
function pingAlsoWhenClosed(session: ServerHttp2Session): void {
  const sendPing = session.ping.bind(session) as (...args: unknown[]) => boolean;
  session.ping = (...args: unknown[]) => {
    if (!session.closed || session.destroyed) return sendPing(...args);
    setImmediate(args.at(-1) as (error: null, duration: number, payload: Buffer) => void, null, 0, Buffer.alloc(8));
    return true;
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
