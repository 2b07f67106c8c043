import { Metadata, Server, ServerCredentials, type ServerWritableStream, type sendUnaryData } from '@grpc/grpc-js';
import {
  type GetStatsResponse,
  type StatsFrame,
  StatsServiceService,
  type WatchStatsRequest,
  type WatchStatsResponse,
} from '../../../src/shared/gen/memoryhub/v1/stats_service.ts';
import { emptyFrame } from './frames.ts';

type WatchCall = ServerWritableStream<WatchStatsRequest, WatchStatsResponse>;

/** A StatsService on a real socket whose frames the test chooses. */
export interface StatsServer {
  readonly address: string;
  readonly port: number;
  /** Requests of every stream so far, with the key each brought. */
  readonly requests: readonly { readonly request: WatchStatsRequest; readonly authorization: string }[];
  /** How often the totals were asked for. */
  totalsAsked(): number;
  /** Sends a frame on every open stream. */
  send(frame: StatsFrame): void;
  /** Ends it as a crash would: no goodbye. */
  kill(): void;
}

export interface StatsServerOptions {
  /** 0: any. */
  readonly port?: number;
  /** Sent at once on every stream, or the error that ends it. */
  readonly onWatch: (
    request: WatchStatsRequest,
    authorization: string,
  ) => readonly StatsFrame[] | { code: number; message: string };
}

export async function startStatsServer({ port = 0, onWatch }: StatsServerOptions): Promise<StatsServer> {
  const server = new Server();
  const open = new Set<WatchCall>();
  const requests: { request: WatchStatsRequest; authorization: string }[] = [];
  let totalsAsked = 0;
  server.addService(StatsServiceService, {
    getStats: (_call: unknown, answer: sendUnaryData<GetStatsResponse>) => {
      totalsAsked++;
      answer(null, { totals: emptyFrame() });
    },
    watchStats: (call: WatchCall) => {
      const authorization = String(call.metadata.get('authorization')[0] ?? '');
      requests.push({ request: call.request, authorization });
      const answer = onWatch(call.request, authorization);
      if ('code' in answer) {
        call.emit('error', { code: answer.code, details: answer.message, metadata: new Metadata() });
        return;
      }
      open.add(call);
      call.on('cancelled', () => open.delete(call));
      for (const frame of answer) call.write({ frame, target: '' });
    },
  });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, number) =>
      error === null ? resolve(number) : reject(error),
    );
  });
  return {
    address: `127.0.0.1:${bound}`,
    port: bound,
    requests,
    totalsAsked: () => totalsAsked,
    send: (frame) => {
      for (const call of open) call.write({ frame, target: '' });
    },
    kill: () => server.forceShutdown(),
  };
}
