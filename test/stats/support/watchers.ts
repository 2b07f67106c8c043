// A program of its own, so that what is measured in the server's process is the server's:
// watchers.ts ADDRESS CONNECTIONS STREAMS_EACH, the key on standard input. Prints a line of JSON a second.
import { text } from 'node:stream/consumers';
import { credentials, Metadata } from '@grpc/grpc-js';
import { StatsServiceClient } from '../../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { durationFromMs } from '../../../src/shared/time.ts';

/** What all streams together have come to. */
export interface Watched {
  /** Frames of the stream that has the fewest. */
  readonly fewest: number;
  readonly frames: number;
  /** Of these, those in which a reader that came late was told of several stretches together. */
  readonly merged: number;
  readonly errors: readonly string[];
}

const [address = '', connections = '1', each = '1'] = process.argv.slice(2);
const metadata = new Metadata();
metadata.set('authorization', `Bearer ${(await text(process.stdin)).trim()}`);

const framesOf: number[] = [];
const errors: string[] = [];
let merged = 0;
for (let connection = 0; connection < Number(connections); connection++) {
  const client = new StatsServiceClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  for (let stream = 0; stream < Number(each); stream++) {
    const index = framesOf.push(0) - 1;
    // Every other one looks at a method in detail: two classes of watchers.
    const detailMethods = index % 2 === 0 ? [] : ['SaveMemory'];
    client
      .watchStats({ interval: durationFromMs(1000), replay: undefined, methods: [], detailMethods }, metadata)
      .on('data', ({ frame }) => {
        framesOf[index] = (framesOf[index] ?? 0) + 1;
        if ((frame?.merged ?? 1) > 1) merged++;
      })
      .on('error', ({ message }) => errors.push(message));
  }
}
setInterval(() => {
  const frames = framesOf.reduce((sum, count) => sum + count, 0);
  const watched: Watched = { fewest: Math.min(...framesOf), frames, merged, errors: errors.slice(0, 5) };
  console.log(JSON.stringify(watched));
}, 1000);
