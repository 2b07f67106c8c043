import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** All connections read into it in turn: what came is gone through before anything else is read. */
const READ = Buffer.allocUnsafeSlow(128 * 1024);

/** Sockets whose listener only looks at what it is lent. */
const lending = new WeakSet<Duplex>();

/**
 * The socket of a connection to the database. What Node.js would read into is a new buffer each time; for streams of
 * rows, which are gone through at once, they were most of the garbage, and V8 went through the whole heap several
 * times a second for them. With TLS the bytes come from elsewhere, and it is a plain socket.
 */
export function lendingSocket({ ssl }: { readonly ssl?: unknown } = {}): Socket {
  if (ssl) return new Socket();
  const socket: Socket = new Socket({
    onread: {
      buffer: READ,
      callback: (size) => {
        const bytes = READ.subarray(0, size);
        socket.emit('data', lending.has(socket) ? bytes : Buffer.from(bytes));
        return true;
      },
    },
  });
  return socket;
}

/** From now on bytes are only lent, if it is a lending socket, or a listener's own again. */
export function setLending(stream: Duplex, lends: boolean): void {
  if (lends) lending.add(stream);
  else lending.delete(stream);
}
