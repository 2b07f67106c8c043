import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Takes what OpenTelemetry sends over HTTP, and keeps none of it. */
export interface Collector {
  /** Its address as OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** Messages with spans so far. */
  exports(): number;
  stop(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  let exports = 0;
  const server = createServer((request, response) => {
    if (request.url === '/v1/traces') exports += 1;
    request.resume().once('end', () => {
      // An empty ExportTraceServiceResponse: all of it was taken.
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    exports: () => exports,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
