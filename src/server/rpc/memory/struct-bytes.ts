import type { ByteSink } from '../../domain/byte-sink.ts';
import type { JsonObject, JsonValue } from '../../domain/memory.ts';

/** What a value takes with its framing, at most often: a guess for ByteSink.open. */
const VALUE_SIZE = 16;

/** Writes a google.protobuf.Struct, byte for byte as Struct of src/shared does, without its objects. */
export function writeStruct(object: JsonObject, out: ByteSink): void {
  for (const name of Object.keys(object)) {
    out.byte(10);
    const entry = out.open(VALUE_SIZE);
    if (name !== '') {
      out.byte(10);
      writeText(name, out);
    }
    out.byte(18);
    writeSized(object[name] as JsonValue, out);
    out.close(entry);
  }
}

function writeSized(value: JsonValue, out: ByteSink): void {
  const part = out.open(VALUE_SIZE);
  writeValue(value, out);
  out.close(part);
}

/** A google.protobuf.Value. */
function writeValue(value: JsonValue, out: ByteSink): void {
  if (typeof value === 'string') {
    out.byte(26);
    writeText(value, out);
  } else if (typeof value === 'number') {
    out.byte(17);
    out.double(value);
  } else if (typeof value === 'boolean') {
    out.byte(32);
    out.byte(value ? 1 : 0);
  } else if (value === null) {
    out.byte(8);
    out.byte(0);
  } else {
    const isList = Array.isArray(value);
    out.byte(isList ? 50 : 42);
    const part = out.open(VALUE_SIZE);
    if (isList) {
      for (const item of value) {
        out.byte(10);
        writeSized(item, out);
      }
    } else writeStruct(value, out);
    out.close(part);
  }
}

function writeText(text: string, out: ByteSink): void {
  const part = out.open(text.length);
  out.text(text);
  out.close(part);
}
