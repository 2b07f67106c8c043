import { ServiceError } from '../domain/errors.ts';

/** Names seen that are remembered with what became of them; callers choose them, so there is a bound. */
const REMEMBERED_MAX = 1_000;

/**
 * The names a server may be addressed by. A browser on this host whose DNS was made to answer with our
 * address (DNS rebinding), or a proxy that passes on what is not for us, names another one.
 */
export class TrustedHosts {
  readonly #exact: ReadonlySet<string>;
  readonly #endings: readonly string[];
  readonly #remembered = new Map<string, boolean>();

  /** @param names in lower case, without ports; "*.example.com" stands for all names below example.com */
  constructor(names: readonly string[]) {
    this.#exact = new Set(names.filter((name) => !name.startsWith('*.')).map(withoutBrackets));
    this.#endings = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
  }

  /**
   * @param authority of a call: host name or address, with or without a port
   * @throws ServiceError HOST_NOT_TRUSTED
   */
  check(authority: string | undefined): void {
    if (!this.#trusts(authority ?? '')) {
      throw new ServiceError('HOST_NOT_TRUSTED', 'the server is not called by the name that the call is addressed to');
    }
  }

  #trusts(authority: string): boolean {
    const remembered = this.#remembered.get(authority);
    if (remembered !== undefined) return remembered;
    const host = hostOf(authority.toLowerCase());
    const trusted = this.#exact.has(host) || this.#endings.some((ending) => host.endsWith(ending) && host !== ending);
    if (this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(authority, trusted);
    return trusted;
  }
}

/** The host of "host", "host:port", "[::1]:port"; grpc-js' clients also send "::1" bare. */
function hostOf(authority: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(authority);
  if (bracketed) return bracketed[1] ?? '';
  const parts = authority.split(':');
  return (parts.length === 2 ? parts[0] : authority) ?? '';
}

function withoutBrackets(name: string): string {
  return name.replace(/^\[|\]$/g, '');
}
