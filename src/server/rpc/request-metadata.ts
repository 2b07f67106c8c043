import type { IncomingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';

/** As grpc-js keeps metadata: all values of a field under its name. */
type Fields = Map<string, (string | Buffer)[]>;

const { fromHttp2Headers } = Metadata;

/** The fields that grpc-js takes out of each request's metadata, with a bit for each. */
const TRANSPORT_FIELDS: ReadonlyMap<string, number> = new Map(
  ['grpc-timeout', 'grpc-encoding', 'grpc-accept-encoding', 'accept-encoding', 'te', 'content-type'].map((name, at) => [
    name,
    1 << at,
  ]),
);

const COLON = ':'.charCodeAt(0);
const PRINTABLE = /^[ -~]*$/;

/**
 * The metadata of a request, left in the headers it came in. grpc-js makes a Map of lists of them for each call, takes
 * half of it out again, and five fields or so are looked at. Here it does that for whoever asks for more than a field
 * of plain text. Names that HTTP/2 takes and grpc-js does not are found until then; nobody asks for one. Answers to
 * clients in this process pass here too.
 *
 * Not a subclass, whose constructor would make the Map: who its parent is, is told below.
 */
class RequestMetadata {
  readonly #headers: IncomingHttpHeaders;
  /** Bits of what was taken out. */
  #removed = 0;
  #fields: Fields | undefined;
  /** Of Metadata, as its constructor sets them. */
  options = {};

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): (string | Buffer)[] {
    const key = name.toLowerCase();
    if (this.#fields === undefined) {
      const value = this.#headers[key];
      if (value === undefined || (this.#removed & (TRANSPORT_FIELDS.get(key) ?? 0)) !== 0) return [];
      if (typeof value === 'string' && isPlain(key, value)) return [value];
    }
    return this.internalRepr.get(key) ?? [];
  }

  remove(name: string): void {
    const bit = TRANSPORT_FIELDS.get(name);
    if (bit !== undefined && this.#fields === undefined) this.#removed |= bit;
    else this.internalRepr.delete(name.toLowerCase());
  }

  /** What all other functions of Metadata work with. */
  get internalRepr(): Fields {
    if (this.#fields === undefined) {
      this.#fields = fieldsOf(fromHttp2Headers.call(Metadata, this.#headers));
      for (const [name, bit] of TRANSPORT_FIELDS) if ((this.#removed & bit) !== 0) this.#fields.delete(name);
    }
    return this.#fields;
  }
}

Object.setPrototypeOf(RequestMetadata.prototype, Metadata.prototype);

function isPlain(name: string, value: string): boolean {
  return name.charCodeAt(0) !== COLON && !name.endsWith('-bin') && PRINTABLE.test(value);
}

function fieldsOf(metadata: Metadata): Fields {
  return (metadata as unknown as { internalRepr: Fields }).internalRepr;
}

if (typeof fromHttp2Headers !== 'function' || !(fieldsOf(new Metadata()) instanceof Map)) {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/request-metadata.ts');
}

Metadata.fromHttp2Headers = (headers) => new RequestMetadata(headers) as unknown as Metadata;
