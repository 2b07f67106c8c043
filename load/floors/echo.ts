import type { sendUnaryData } from '@grpc/grpc-js';
import { listen } from './listen.ts';

/**
 * The floor of our transport: grpc-js answers GetMemory with bytes that are ready, whatever it is asked. They are
 * given in base 64, one message an argument, and answered in turn: as many bytes as what is measured beside it.
 */
const answers = process.argv.slice(2).map((message) => Buffer.from(message, 'base64'));
let calls = 0;

await listen({
  '/memoryhub.v1.MemoryService/GetMemory': (_call: unknown, respond: sendUnaryData<Buffer>) =>
    respond(null, answers[calls++ % answers.length]),
});
