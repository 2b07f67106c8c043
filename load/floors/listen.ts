import { Server, ServerCredentials, type UntypedHandleCall } from '@grpc/grpc-js';

const passBytes = (bytes: Buffer) => bytes;

/** Serves unary RPCs, as bytes, on a free port of this machine, and prints its address for the one who measures. */
export async function listen(handlers: Readonly<Record<string, UntypedHandleCall>>): Promise<void> {
  const server = new Server();
  for (const [path, handler] of Object.entries(handlers)) server.register(path, handler, passBytes, passBytes, 'unary');
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  console.log(`127.0.0.1:${port}`);
  process.once('SIGTERM', () => server.forceShutdown());
}
