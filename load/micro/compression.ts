import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { compressResponses } from '../../src/server/rpc/response-compression.ts';

/**
 * What compressing answers costs the server and saves on the wire: `node load/micro/compression.ts FILE`,
 * FILE being texts as they are saved, one a line. Processor time is that of this process, caller and
 * server together, so that the difference between the two ways is the server's.
 */
const SIZES = [1_000, 4_000, 15_000, 128_000];
const ROUNDS = 7;
const ROUND_MS = 400;
const METHOD = '/load.Compression/Get';

const path = process.argv[2];
if (path === undefined) throw new Error('name a file of texts');
const text = readFileSync(path);

/** Bytes on the wire and processor time of one answer, in microseconds. */
interface Cost {
  readonly bytes: number;
  readonly cpuUs: number;
}

async function main(): Promise<void> {
  const server = new Server();
  server.register(
    METHOD,
    (call: { request: Buffer }, respond: (error: null, answer: Buffer) => void) => {
      const size = call.request.readUInt32BE(0);
      const at = (call.request.readUInt32BE(4) * 997) % (text.length - size);
      respond(null, text.subarray(at, at + size));
    },
    (answer) => answer as Buffer,
    (request) => request,
    'unary',
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  if (!compressResponses(server, 1000)) throw new Error('this grpc-js cannot compress');
  const session = connect(`http://127.0.0.1:${port}`);
  console.log('bytes of answer | on the wire | saved | plain us | gzip us | cost us');
  for (const size of SIZES) {
    const plain: Cost[] = [];
    const gzip: Cost[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      plain.push(await measure(session, size, 'identity'));
      gzip.push(await measure(session, size, 'gzip'));
    }
    const [a, b] = [median(plain), median(gzip)];
    const saved = `${Math.round(100 * (1 - b.bytes / a.bytes))} %`;
    console.log(
      [size, Math.round(b.bytes), saved, ...[a.cpuUs, b.cpuUs, b.cpuUs - a.cpuUs].map(Math.round)].join(' | '),
    );
  }
  session.close();
  server.forceShutdown();
}

async function measure(session: ReturnType<typeof connect>, size: number, accept: string): Promise<Cost> {
  const startCpu = process.cpuUsage();
  const endAt = performance.now() + ROUND_MS;
  let calls = 0;
  let bytes = 0;
  while (performance.now() < endAt) {
    const asked = session.request({
      ':method': 'POST',
      ':path': METHOD,
      'content-type': 'application/grpc',
      te: 'trailers',
      'grpc-accept-encoding': accept,
    });
    asked.on('data', (part: Buffer) => {
      bytes += part.byteLength;
    });
    const request = Buffer.alloc(13);
    request.writeUInt32BE(8, 1);
    request.writeUInt32BE(size, 5);
    request.writeUInt32BE(calls, 9);
    asked.end(request);
    await once(asked, 'close');
    calls++;
  }
  const { user, system } = process.cpuUsage(startCpu);
  return { bytes: bytes / calls, cpuUs: (user + system) / calls };
}

function median(costs: readonly Cost[]): Cost {
  const sorted = costs.toSorted((a, b) => a.cpuUs - b.cpuUs);
  return sorted[sorted.length >> 1] as Cost;
}

await main();
