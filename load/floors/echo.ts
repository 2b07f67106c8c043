import type { sendUnaryData } from '@grpc/grpc-js';
import { listen } from './listen.ts';

/**
 * The floor of our transport: grpc-js answers GetMemory with bytes that are ready, whatever it is asked.
 * The bytes are given in base 64 as the only argument.
 */
const answer = Buffer.from(process.argv[2] ?? '', 'base64');

await listen({
  '/memoryhub.v1.MemoryService/GetMemory': (_call: unknown, respond: sendUnaryData<Buffer>) => respond(null, answer),
});
