import type { IncomingHttpHeaders } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';

/** As grpc-js keeps metadata: all values of a field under its name. */
type Fields = Map<string, (string | Buffer)[]>;

/** The fields that grpc-js takes out of each request's metadata. */
const TRANSPORT_FIELDS: ReadonlySet<string> = new Set([
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'accept-encoding',
  'te',
  'content-type',
]);

const COLON = ':'.charCodeAt(0);
const PRINTABLE = /^[ -~]*$/;

/**
 * The metadata of a request, left in the headers it came in. grpc-js makes a Map of lists of them for each call, takes
 * half of it out again, and five fields or so are looked at. Here it does that for whoever asks for more than a field
 * of plain text. Names that HTTP/2 takes and grpc-js does not are found until then; nobody asks for one.
 *
 * Not a subclass, whose constructor would make the Map: who its parent is, is told below.
 */
export class RequestMetadata {
  readonly #headers: IncomingHttpHeaders;
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
      if (value === undefined || TRANSPORT_FIELDS.has(key)) return [];
      if (typeof value === 'string' && isPlain(key, value)) return [value];
    }
    return this.internalRepr.get(key) ?? [];
  }

  /** What all other functions of Metadata work with. */
  get internalRepr(): Fields {
    if (this.#fields === undefined) {
      this.#fields = fieldsOf(Metadata.fromHttp2Headers(this.#headers));
      for (const name of TRANSPORT_FIELDS) this.#fields.delete(name);
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

if (!(fieldsOf(new Metadata()) instanceof Map)) {
  throw new Error('this version of grpc-js has changed inside: see src/server/rpc/request-metadata.ts');
}
