import type { Http2Server, Http2Stream, ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { Slots } from '../../shared/slots.ts';

/**
 * Lets V8 forget the streams of all sessions to come with the next sweep of its young generation: Node.js keeps those of
 * a session in a Map, for which shared/slots.ts tells why that keeps them. It was a tenth of the processor time of a
 * cached read; the other half of the cure is in heap.ts.
 */
export function forgetStreamsEarly(server: Server): void {
  for (const http2Server of (server as unknown as ServerInside).http2Servers?.keys() ?? []) {
    http2Server.prependListener('session', replaceStreams);
  }
}

interface ServerInside {
  readonly http2Servers?: Map<Http2Server, unknown>;
}

/** What Node.js uses of the Map. */
interface Streams {
  readonly size: number;
  get(id: number): Http2Stream | undefined;
  set(id: number, stream: Http2Stream): unknown;
  delete(id: number): boolean;
  forEach(use: (stream: Http2Stream) => void): void;
}

/** A session that is not as expected inside is left as it is. */
function replaceStreams(session: ServerHttp2Session): void {
  const key = Object.getOwnPropertySymbols(session).find((symbol) => symbol.description === 'state');
  const state = key && (session as unknown as Record<symbol, { streams?: Streams }>)[key];
  if (typeof state?.streams?.forEach === 'function' && state.streams.size === 0) state.streams = new SessionStreams();
}

/** The streams of a session by their ids. The tables that its Map leaves behind have numbers in them only. */
class SessionStreams implements Streams {
  readonly #slotOf = new Map<number, number>();
  readonly #streams = new Slots<Http2Stream>();

  get size(): number {
    return this.#slotOf.size;
  }

  get(id: number): Http2Stream | undefined {
    const slot = this.#slotOf.get(id);
    return slot === undefined ? undefined : this.#streams.at(slot);
  }

  set(id: number, stream: Http2Stream): this {
    this.delete(id);
    this.#slotOf.set(id, this.#streams.add(stream));
    return this;
  }

  delete(id: number): boolean {
    const slot = this.#slotOf.get(id);
    if (slot === undefined) return false;
    this.#slotOf.delete(id);
    this.#streams.clear(slot);
    return true;
  }

  forEach(use: (stream: Http2Stream) => void): void {
    this.#streams.forEach(use);
  }
}
