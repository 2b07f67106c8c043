import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A proxy in front of Postgres whose cable a test can cut at the moment that matters: after the
 * server has taken a request, before its answer gets through.
 */
export class CutProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What comes from the server is thrown away, and then the connection is closed. */
  #cutAnswers = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(target: { host: string; port: number }): Promise<CutProxy> {
    const server = createServer();
    const proxy = new CutProxy(server);
    server.on('connection', (client) => {
      const upstream = connect(target);
      for (const socket of [client, upstream]) {
        proxy.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          proxy.#sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => {
        if (proxy.#cutAnswers) client.destroy();
        else client.write(chunk);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  cutAtNextAnswer(): void {
    this.#cutAnswers = true;
  }

  mend(): void {
    this.#cutAnswers = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
