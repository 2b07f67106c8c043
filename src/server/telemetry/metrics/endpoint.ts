import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { CONTENT_TYPES, exposition, type Format } from './exposition.ts';
import { familiesOf } from './families.ts';
import { MetricsListenError } from './listen-error.ts';
import type { MetricsSource } from './view.ts';

/** Scrapers, and not callers: few, and each asks for one small thing. */
const CONNECTIONS_MAX = 32;
const HEADER_BYTES_MAX = 8 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 65_000;
/** Whoever asks more often gets the same answer again: asking costs the calls' own processor. */
const KEPT_MS = 250;

/** There is nothing in it for a browser, whatever page brought it here. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'interest-cohort=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Where it listens, and whether only this host can come there. */
export interface EndpointOptions {
  readonly host: string;
  readonly port: number;
  readonly source: MetricsSource;
  /** Told when an answer could not be made. */
  readonly onError: (error: unknown) => void;
}

/** Serves GET and HEAD of /metrics, for Prometheus and whatever reads its formats. */
export class MetricsEndpoint {
  readonly #options: EndpointOptions;
  readonly #server: Server;
  readonly #kept = new Map<Format, { readonly at: number; readonly text: string }>();

  constructor(options: EndpointOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        maxHeaderSize: HEADER_BYTES_MAX,
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: IDLE_TIMEOUT_MS,
        connectionsCheckingInterval: REQUEST_TIMEOUT_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /**
   * @returns the address with the real port
   * @throws MetricsListenError that names the address and what is wrong with it
   */
  async listen(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause: NodeJS.ErrnoException) =>
        reject(
          new MetricsListenError(`cannot serve metrics on ${host}:${port} (${cause.code}): MEMORYHUB_METRICS_LISTEN`, {
            cause,
          }),
        ),
      );
      // Exclusive: of several workers one serves, and not each in its turn.
      this.#server.listen({ host, port, exclusive: true }, resolve);
    });
    return { host, port: (this.#server.address() as AddressInfo).port };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    // A body is of no use here and is not waited for.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
      response.setHeader('connection', 'close');
    }
    const refusal = refusalOf(request);
    if (refusal !== undefined) {
      if (refusal[0] === 405) response.setHeader('allow', 'GET, HEAD');
      refuse(response, ...refusal);
      return;
    }
    const format = formatFor(request.headers.accept ?? '');
    let text: string;
    try {
      text = this.#text(format);
    } catch (error) {
      this.#options.onError(error);
      refuse(response, 500, 'the metrics could not be written');
      return;
    }
    response.writeHead(200, {
      'content-type': CONTENT_TYPES[format],
      'content-length': Buffer.byteLength(text),
      vary: 'accept',
    });
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  #text(format: Format): string {
    const kept = this.#kept.get(format);
    const now = performance.now();
    if (kept !== undefined && now - kept.at < KEPT_MS) return kept.text;
    const text = exposition(familiesOf(this.#options.source()), format);
    this.#kept.set(format, { at: now, text });
    return text;
  }
}

/**
 * On loopback the name in Host must be one of loopback's: a page in a browser on this host whose DNS
 * was made to answer with our address (DNS rebinding) brings its own.
 */
function isNamedRight(request: IncomingMessage): boolean {
  const local = request.socket.localAddress ?? '';
  if (!/^(127\.|::1$|::ffff:127\.)/.test(local)) return true;
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return host === '' || host === 'localhost' || isIP(host) !== 0;
}

function refusalOf(request: IncomingMessage): [status: number, text: string] | undefined {
  if (!isNamedRight(request)) return [421, 'this server is asked by its address'];
  if (request.url?.split('?', 1)[0] !== '/metrics') return [404, 'there is only /metrics'];
  return request.method === 'GET' || request.method === 'HEAD' ? undefined : [405, 'only GET and HEAD'];
}

function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

/** OpenMetrics for those who ask for it by name; the older text for all others, people among them. */
function formatFor(accept: string): Format {
  return /application\/openmetrics-text(?!;[^,]*\bq=0(\.0*)?(,|$))/.test(accept) ? 'openmetrics' : 'text';
}
