import { type AddressInfo, createServer, type Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ConnectionInjector } from '@grpc/grpc-js';

/** The first turn may have begun before somebody connected. */
const QUIET_TURNS = 2;

/** Where a server listens. */
export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** The address cannot be listened on; the message says which and why, for people. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: string;

  constructor(address: ListenAddress, cause: NodeJS.ErrnoException) {
    super(`cannot listen on ${address.host}:${address.port}: ${explain(cause)}`, { cause });
    this.code = cause.code ?? '';
  }
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program',
  EACCES: 'the system does not allow this port to this user',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such host',
};

function explain(cause: NodeJS.ErrnoException): string {
  return EXPLANATIONS[cause.code ?? ''] ?? cause.message;
}

/**
 * Takes connections and hands them to grpc-js. grpc-js could listen itself, but then nobody could
 * count connections, refuse one too many, or say why the port cannot be had.
 */
export class Listener {
  readonly #injector: ConnectionInjector;
  readonly #server: NetServer;
  readonly #sockets = new Set<Socket>();
  /** Connections so far. */
  #taken = 0;
  #idle: (() => void) | undefined;

  /** @param dropped called for each connection that is refused because there are too many */
  constructor(injector: ConnectionInjector, maxConnections: number, dropped: () => void) {
    this.#injector = injector;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = maxConnections;
    this.#server.on('drop', dropped);
  }

  /** Connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** @throws ListenError */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) => reject(new ListenError(address, cause));
      this.#server.once('error', fail);
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', fail);
        const bound = this.#server.address() as AddressInfo;
        resolve({ host: bound.address, port: bound.port });
      });
    });
  }

  /**
   * Takes no more connections, but first those that are made already and wait to be taken, which the system would cut
   * off, perhaps with a call on them: nginx repeats none that it has sent. Node.js takes one a turn.
   *
   * @param waitMs however many go on connecting, and however long their turns take
   */
  async refuse(waitMs: number): Promise<void> {
    const endsAt = performance.now() + waitMs;
    for (let quiet = 0; quiet < QUIET_TURNS && performance.now() < endsAt; ) {
      const before = this.#taken;
      await nextTurn();
      quiet = this.#taken === before ? quiet + 1 : 0;
    }
    this.#server.close();
  }

  /** Tells the callers of open connections to go elsewhere; resolves when they have, or after `graceMs` were cut off. */
  async close(graceMs: number): Promise<void> {
    this.#injector.drain(graceMs);
    const cutOff = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await this.#allClosed();
    clearTimeout(cutOff);
  }

  #allClosed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#sockets.size === 0) resolve();
      else this.#idle = resolve;
    });
  }

  #accept(socket: Socket): void {
    this.#taken++;
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#idle?.();
    });
    this.#injector.injectConnection(socket);
  }
}
