import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createFileRegistry, type DescMessage, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { PACKAGE_ROOT } from '../../shared/package-root.ts';

/** The contract as buf writes it; also what reflection serves. */
export const DESCRIPTOR_SET = join(PACKAGE_ROOT, 'proto/memoryhub.binpb');

let registry: FileRegistry | undefined;

/**
 * Names the field of a request in which a byte stands, for instance "memories[3].content". Read
 * from the wire format alone, so that it works on messages that cannot be decoded; the names are
 * those of the contract. Only used when a request is refused.
 *
 * @param path "/package.Service/Method"
 * @param offset of the byte in `bytes`
 */
export function fieldAt(path: string, bytes: Uint8Array, offset: number): string {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(DESCRIPTOR_SET)));
  const [, service = '', method = ''] = path.split('/');
  const message = registry.getService(service)?.methods.find((one) => one.name === method)?.input;
  const names: string[] = [];
  try {
    descend(message, bytes, 0, bytes.byteLength, offset, names);
  } catch {
    // Nothing in the bytes can be trusted: what was found so far has to do.
  }
  return names.length > 0 ? names.join('.') : `byte ${offset}`;
}

function descend(
  message: DescMessage | undefined,
  bytes: Uint8Array,
  start: number,
  end: number,
  offset: number,
  names: string[],
): void {
  const reader = new BinaryReader(bytes.subarray(start, end));
  const seen = new Map<number, number>();
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const index = seen.get(number) ?? 0;
    seen.set(number, index + 1);
    if (wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    const length = reader.uint32();
    const from = start + reader.pos;
    reader.pos += length;
    if (offset >= from + length || offset < from) continue;
    const field = message?.fields.find((one) => one.number === number);
    const name = field?.name ?? String(number);
    names.push(field?.fieldKind === 'list' ? `${name}[${index}]` : name);
    if (field?.fieldKind === 'message' || (field?.fieldKind === 'list' && field.listKind === 'message')) {
      descend(field.message, bytes, from, from + length, offset, names);
    }
    return;
  }
}
