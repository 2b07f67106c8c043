import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ConnectionPool } from '../../src/server/database/connection-pool.ts';
import { memoryServer } from './harness.ts';

const KIB = 1024;
const CONTENT = 'x'.repeat(8 * KIB);
const BATCHES = 16;
const BATCH = 125;
const TOTAL = BATCHES * BATCH * CONTENT.length;
/**
 * What the server may have of a stream nobody reads from: the page that is being sent, the next one, the
 * message made of them, and what Node's HTTP/2 and the two sockets have taken. Counted were 540 to
 * 1170 KiB.
 */
const MOST_HELD = 1536 * KIB;

const server = memoryServer();
const sessions: ClientHttp2Session[] = [];
let credential = '';
/** Bytes that came from the database for pages that were read. */
let ofPages = 0;
/** Connections on which one is on its way, and what each had read before. */
const reading = new Map<Socket, number>();

/** Bytes the database has sent for pages, of which there are none but those of the reader under test. */
function fromDatabase(): number {
  let sum = ofPages;
  for (const [{ bytesRead }, before] of reading) sum += bytesRead - before;
  return sum;
}

beforeAll(async () => {
  const { memories, credential: newKey } = await server().newWorkspace();
  credential = await newKey();
  for (let n = 0; n < BATCHES; n++) {
    await memories.batchSaveMemories({ memories: Array.from({ length: BATCH }, () => ({ content: CONTENT })) });
  }
  countPages(server().repository.database.pool);
});
afterAll(() => {
  for (const session of sessions) session.destroy();
});

/** Also of pages on their way. */
function countPages(pool: ConnectionPool): void {
  const withClient = pool.withClient.bind(pool);
  pool.withClient = (work, signal) =>
    withClient(async (client) => {
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      const before = stream.bytesRead;
      reading.set(stream, before);
      return work(client).finally(() => {
        reading.delete(stream);
        ofPages += stream.bytesRead - before;
      });
    }, signal);
}

/** A stream on a connection of its own, with the 64 KiB window that HTTP/2 begins with. */
function open(method: string): ClientHttp2Stream {
  const session = connect(`http://${server().address}`);
  sessions.push(session);
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: `/memoryhub.v1.MemoryService/${method}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${credential}`,
  });
  stream.pause();
  stream.end(Buffer.alloc(5));
  return stream;
}

/** The database has sent nothing for as long as a dozen pages take. */
async function settled(): Promise<void> {
  for (let before = -1; before !== fromDatabase(); ) {
    before = fromDatabase();
    await sleep(250);
  }
}

describe.each(['ExportMemories', 'ListMemories'])('a reader of %s that stops', (method) => {
  it('makes the server hold a bounded number of bytes, wherever it stops, and gets all when it reads on', async () => {
    ofPages = 0;
    let received = 0;
    const stream = open(method);
    const held: number[] = [];
    let stopAt = 0;
    let stopped: () => void = () => {};
    stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received < stopAt) return;
      stream.pause();
      stopped();
    });
    // Listening starts the flow.
    stream.pause();
    for (const part of [0, 0.1, 0.35, 0.7]) {
      stopAt = part * TOTAL;
      if (part > 0) {
        await new Promise<void>((resolve) => {
          stopped = resolve;
          stream.resume();
        });
      }
      await expect.poll(fromDatabase, { timeout: 10_000 }).toBeGreaterThan(received);
      await settled();
      held.push(fromDatabase() - received);
    }
    stopAt = Number.POSITIVE_INFINITY;
    const ended = new Promise((resolve, reject) => stream.once('end', resolve).once('error', reject));
    stream.resume();
    await ended;
    expect(received).toBeGreaterThan(TOTAL);
    expect(Math.min(...held)).toBeGreaterThan(0);
    expect(Math.max(...held), `held at each stop: ${held}`).toBeLessThan(MOST_HELD);
    expect(server().faults).toEqual([]);
  });
});
