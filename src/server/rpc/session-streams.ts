import type { Http2Stream, ServerHttp2Session } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { http2ServersOf, type Streams, streamsOf } from './http2-inside.ts';

/**
 * Lets V8 forget the streams of all sessions to come with the next sweep of its young generation: Node.js keeps those of
 * a session in a Map, for which shared/slots.ts tells why that keeps them. It was a tenth of the processor time of a
 * cached read; the other half of the cure is in heap.ts.
 */
export function forgetStreamsEarly(server: Server): void {
  for (const http2Server of http2ServersOf(server)) http2Server.prependListener('session', replaceStreams);
}

function replaceStreams(session: ServerHttp2Session): void {
  const state = streamsOf(session);
  if (state?.streams.size === 0) state.streams = new SessionStreams();
}

/** Streams of one session that find a place; callers seldom have a hundred open. */
const PLACES = 256;

/**
 * The streams of a session by their ids, which grow by two: each has the place its id comes to, and what is open for so
 * long that another one needs its place does not move, but the other one waits in a Map. Nothing is made for a stream.
 */
class SessionStreams implements Streams {
  readonly #ids: number[] = new Array(PLACES).fill(0);
  readonly #streams: (Http2Stream | undefined)[] = new Array(PLACES).fill(undefined);
  readonly #others = new Map<number, Http2Stream>();
  #placed = 0;

  get size(): number {
    return this.#placed + this.#others.size;
  }

  get(id: number): Http2Stream | undefined {
    const place = placeOf(id);
    return this.#ids[place] === id ? this.#streams[place] : this.#others.get(id);
  }

  set(id: number, stream: Http2Stream): this {
    const place = placeOf(id);
    if (this.#streams[place] === undefined && !this.#others.has(id)) {
      this.#ids[place] = id;
      this.#placed += 1;
    }
    if (this.#ids[place] === id) this.#streams[place] = stream;
    else this.#others.set(id, stream);
    return this;
  }

  delete(id: number): boolean {
    const place = placeOf(id);
    if (this.#ids[place] !== id) return this.#others.delete(id);
    this.#ids[place] = 0;
    this.#streams[place] = undefined;
    this.#placed -= 1;
    return true;
  }

  forEach(use: (stream: Http2Stream) => void): void {
    for (const stream of this.#streams) if (stream !== undefined) use(stream);
    for (const stream of this.#others.values()) use(stream);
  }
}

function placeOf(id: number): number {
  return (id >>> 1) % PLACES;
}
