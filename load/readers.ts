import { setTimeout as sleep } from 'node:timers/promises';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  ExportFormat,
  ExportMemoriesRequest,
  ExportMemoriesResponse,
  ListMemoriesRequest,
} from '../src/shared/gen/memoryhub/v1/memory_service.ts';
import type { Contender } from './alternate.ts';
import type { Target } from './server.ts';

const SERVICE = '/memoryhub.v1.MemoryService';
/** Of a page of the list that is read to its end. */
const MEMORIES_FIELD = 1;

/** Lists everything, counting memories without decoding them. Units are rows. */
export function listing(target: Target): Contender {
  const request = Buffer.from(ListMemoriesRequest.encode(ListMemoriesRequest.fromPartial({ limit: 0 })).finish());
  return reading('ListMemories', target, `${SERVICE}/ListMemories`, request, memoriesIn);
}

/** Exports everything as JSON lines. Units are bytes of them. @param pauseMs between two messages, of a slow reader */
export function exporting(target: Target, pauseMs = 0): Contender {
  const wanted = ExportMemoriesRequest.fromPartial({ format: ExportFormat.JSONL });
  const request = Buffer.from(ExportMemoriesRequest.encode(wanted).finish());
  const bytesIn = (message: Buffer) => {
    const { event } = ExportMemoriesResponse.decode(message);
    return event?.$case === 'chunk' ? event.value.data.byteLength : 0;
  };
  return reading('ExportMemories', target, `${SERVICE}/ExportMemories`, request, bytesIn, pauseMs);
}

/** Milliseconds until the first message of each kind of stream is there, of a new call on an open connection. */
export async function firstMessages(target: Target, times: number): Promise<Record<string, number[]>> {
  const list = ListMemoriesRequest.encode(ListMemoriesRequest.fromPartial({ limit: 0 })).finish();
  const exported = (format: ExportFormat) =>
    ExportMemoriesRequest.encode(ExportMemoriesRequest.fromPartial({ format })).finish();
  // An export begins with a header; what is asked for is its first rows, too.
  const streams: readonly [name: string, path: string, request: Uint8Array, messages: number][] = [
    ['list', 'ListMemories', list, 1],
    ['export, its header', 'ExportMemories', exported(ExportFormat.JSONL), 1],
    ['export, its first rows', 'ExportMemories', exported(ExportFormat.JSONL), 2],
  ];
  const client = new Client(target.address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${target.credential}`);
  const bytes = (message: Buffer) => message;
  const taken: Record<string, number[]> = {};
  const one = Buffer.from(ListMemoriesRequest.encode(ListMemoriesRequest.fromPartial({ limit: 1 })).finish());
  for (let time = 0; time <= times; time++) {
    for (const [name, method, request, wanted] of streams) {
      // The stream before was given up in the middle, and its connection to the database with it.
      for await (const _ of client.makeServerStreamRequest(`${SERVICE}/ListMemories`, bytes, bytes, one, metadata));
      const startedAt = performance.now();
      const call = client.makeServerStreamRequest(`${SERVICE}/${method}`, bytes, bytes, Buffer.from(request), metadata);
      call.on('error', () => {});
      let messages = 0;
      await new Promise<void>((resolve) => call.on('data', () => ++messages === wanted && resolve()));
      taken[name] ??= [];
      // The first time opens the connection.
      if (time > 0) taken[name].push(performance.now() - startedAt);
      call.cancel();
      await sleep(20);
    }
  }
  client.close();
  return taken;
}

function reading(
  name: string,
  target: Target,
  path: string,
  request: Buffer,
  unitsOf: (message: Buffer) => number,
  pauseMs = 0,
): Contender {
  const client = new Client(target.address, credentials.createInsecure(), {
    'grpc-node.flow_control_window': 1 << 20,
    'grpc.max_receive_message_length': -1,
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${target.credential}`);
  const bytes = (message: Buffer) => message;
  const pass = async () => {
    let units = 0;
    for await (const message of client.makeServerStreamRequest(path, bytes, bytes, request, metadata)) {
      units += unitsOf(message as Buffer);
      if (pauseMs > 0) await sleep(pauseMs);
    }
    return units;
  };
  return {
    name,
    pid: target.pid,
    async run(seconds) {
      const start = performance.now();
      let units = 0;
      do units += await pass();
      while (performance.now() - start < seconds * 1000);
      return { units, seconds: (performance.now() - start) / 1000 };
    },
  };
}

function memoriesIn(message: Buffer): number {
  const reader = new BinaryReader(message);
  let count = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === MEMORIES_FIELD) count++;
    reader.skip(wireType, field);
  }
  return count;
}
