import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/**
 * google.protobuf.Struct as a plain object, in the place of ts-proto's own codec (see buf.gen.yaml),
 * which sets a field called "__proto__" as the object's prototype: it was lost in silence, and what
 * it held answered for absent fields. Here every name is an ordinary own property. A value without a
 * kind, which the contract forbids, becomes undefined, for the rules to refuse.
 */
export type StructObject = { [name: string]: unknown };

/** Values within each other; protobuf's own default. Deeper messages are malformed. */
const MAX_DEPTH = 100;

export const Struct = {
  encode(object: StructObject, writer: BinaryWriter = new BinaryWriter()): BinaryWriter {
    for (const name of Object.keys(object)) {
      writer.uint32(10).fork();
      if (name !== '') writer.uint32(10).string(name);
      encodeValue(object[name], writer.uint32(18).fork()).join();
      writer.join();
    }
    return writer;
  },

  decode(input: BinaryReader | Uint8Array, length?: number): StructObject {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    return decodeObject(reader, length === undefined ? reader.len : reader.pos + length, 1);
  },

  /** What ts-proto calls between its message and the plain object; here they are the same. */
  wrap(object: StructObject): StructObject {
    return object;
  },

  unwrap(object: StructObject): StructObject {
    return object;
  },
};

/** google.protobuf.Value as a plain JSON value; undefined when it has no kind. */
export const Value = {
  encode(value: unknown, writer: BinaryWriter = new BinaryWriter()): BinaryWriter {
    return encodeValue(value, writer);
  },

  decode(input: BinaryReader | Uint8Array, length?: number): unknown {
    const reader = input instanceof BinaryReader ? input : new BinaryReader(input);
    return decodeValue(reader, length === undefined ? reader.len : reader.pos + length, 1);
  },

  /** As those of Struct. */
  wrap(value: unknown): unknown {
    return value;
  },

  unwrap(value: unknown): unknown {
    return value;
  },
};

/** Sets an own property whatever the name is. */
export function setOwn(object: StructObject, name: string, value: unknown): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}

function encodeValue(value: unknown, writer: BinaryWriter): BinaryWriter {
  if (value === null) return writer.uint32(8).int32(0);
  switch (typeof value) {
    case 'number':
      return writer.uint32(17).double(value);
    case 'string':
      return writer.uint32(26).string(value);
    case 'boolean':
      return writer.uint32(32).bool(value);
    case 'undefined':
      return writer;
  }
  if (Array.isArray(value)) {
    writer.uint32(50).fork();
    for (const item of value) encodeValue(item, writer.uint32(10).fork()).join();
    return writer.join();
  }
  return Struct.encode(value as StructObject, writer.uint32(42).fork()).join();
}

function decodeObject(reader: BinaryReader, end: number, depth: number): StructObject {
  if (depth > MAX_DEPTH) throw new Error('google.protobuf.Struct is nested too deeply');
  const object: StructObject = {};
  eachField(reader, end, (tag) => {
    if (tag !== 10) return false;
    let name = '';
    let value: unknown;
    eachField(reader, endOf(reader), (entryTag) => {
      if (entryTag === 10) name = reader.string();
      else if (entryTag === 18) value = decodeValue(reader, endOf(reader), depth);
      else return false;
      return true;
    });
    setOwn(object, name, value);
    return true;
  });
  return object;
}

function decodeList(reader: BinaryReader, end: number, depth: number): unknown[] {
  if (depth > MAX_DEPTH) throw new Error('google.protobuf.ListValue is nested too deeply');
  const list: unknown[] = [];
  eachField(reader, end, (tag) => {
    if (tag !== 10) return false;
    list.push(decodeValue(reader, endOf(reader), depth));
    return true;
  });
  return list;
}

function decodeValue(reader: BinaryReader, end: number, depth: number): unknown {
  let value: unknown;
  eachField(reader, end, (tag) => {
    if (tag === 8) {
      reader.int32();
      value = null;
    } else if (tag === 17) value = reader.double();
    else if (tag === 26) value = reader.string();
    else if (tag === 32) value = reader.bool();
    else if (tag === 42) value = decodeObject(reader, endOf(reader), depth + 1);
    else if (tag === 50) value = decodeList(reader, endOf(reader), depth + 1);
    else return false;
    return true;
  });
  return value;
}

function endOf(reader: BinaryReader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

/** Hands every field up to `end` to `take`, which says whether it read it; the others are skipped. */
function eachField(reader: BinaryReader, end: number, take: (tag: number) => boolean): void {
  if (end > reader.len) throw new RangeError('premature end of message');
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (take(tag)) continue;
    if (tag >>> 3 === 0) throw new Error('illegal field number');
    reader.skip(tag & 7, tag >>> 3);
  }
  if (reader.pos !== end) throw new RangeError('premature end of message');
}
