import { crc32 } from 'node:zlib';
import { ByteSink, varintSize } from '../../domain/byte-sink.ts';
import { EncodedMessage } from '../method.ts';
import type { Chunk } from './export-chunks.ts';

/** Tag of ExportMemoriesResponse.chunk, and those of ExportChunk. */
const CHUNK = 18;
const DATA = 10;
const ROWS = 16;
const RESUME_TOKEN = 26;
const CRC32 = 37;
/** Of the tags, lengths and numbers, at most. */
const FRAMING = 40;

/** The message with a chunk, in one buffer of its own: ts-proto would copy the data twice. */
export function chunkMessage({ data, rows }: Chunk, resumeToken: string): EncodedMessage {
  const out = new ByteSink(data.length + resumeToken.length + FRAMING);
  out.byte(CHUNK);
  const chunk = out.open(data.length + resumeToken.length + varintSize(data.length));
  if (data.length > 0) {
    out.byte(DATA);
    out.varint(data.length);
    out.copy(data, 0, data.length);
  }
  if (rows > 0) {
    out.byte(ROWS);
    out.varint(rows);
  }
  out.byte(RESUME_TOKEN);
  out.varint(resumeToken.length);
  out.ascii(resumeToken);
  out.byte(CRC32);
  out.fixed32(crc32(data));
  out.close(chunk);
  return new EncodedMessage(out.written);
}
