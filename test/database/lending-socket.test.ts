import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { lendingSocket } from '../../src/server/database/lending-socket.ts';
import { tapRows } from '../../src/server/database/row-tap.ts';

const ends: (() => void)[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

/** A socket to a server, both ends of it. */
async function pair(socket: Socket): Promise<{ socket: Socket; server: Socket }> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  socket.connect((listener.address() as AddressInfo).port, '127.0.0.1');
  const [server] = await accepted;
  ends.push(() => {
    socket.destroy();
    server.destroy();
    listener.close();
  });
  return { socket, server };
}

/** Sends a text and waits until it was read. */
async function send({ socket, server }: { socket: Socket; server: Socket }, text: string): Promise<void> {
  const target = socket.bytesRead + text.length;
  server.write(text, 'latin1');
  while (socket.bytesRead < target) await new Promise(setImmediate);
}

it('what a listener gets stays as it is, whatever any connection reads later', async () => {
  const one = await pair(lendingSocket());
  const other = await pair(lendingSocket());
  const got: Buffer[] = [];
  for (const { socket } of [one, other]) socket.on('data', (bytes: Buffer) => got.push(bytes));
  await send(one, 'first'.repeat(20_000));
  await send(other, 'second');
  await send(one, 'third');
  expect(Buffer.concat(got).toString('latin1')).toBe(`${'first'.repeat(20_000)}secondthird`);
});

it('a tap is lent the same bytes again and again, and what it leaves to the driver belongs to it', async () => {
  const ends = await pair(lendingSocket());
  const driver: Buffer[] = [];
  ends.socket.on('data', (bytes: Buffer) => driver.push(bytes));
  const rows: Buffer[] = [];
  const off = tapRows(ends.socket, (bytes) => rows.push(bytes));
  await send(ends, 'D\0\0\0\x07row');
  await send(ends, 'N\0\0\0\x08note');
  await send(ends, 'D\0\0\0\x07ROW');
  expect(rows).toHaveLength(2);
  expect(rows[0]?.buffer).toBe(rows[1]?.buffer);
  off();
  await send(ends, 'ready');
  expect(Buffer.concat(driver).toString('latin1')).toBe('N\0\0\0\x08noteready');
});

it('ends with the other side', async () => {
  const { socket, server } = await pair(lendingSocket());
  socket.on('data', () => {});
  const end = once(socket, 'end');
  const close = once(socket, 'close');
  server.end();
  await end;
  await close;
});

it('is a plain socket, which can be read from, where TLS decrypts what comes', async () => {
  const { socket, server } = await pair(lendingSocket({ ssl: true }));
  const readable = once(socket, 'readable');
  server.write('encrypted');
  await readable;
  expect(String(socket.read())).toBe('encrypted');
});
