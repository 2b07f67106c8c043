/**
 * JSON with the names of every object sorted; 64-bit integers as digits, absent fields left out. The same
 * for two encodings of the same.
 */
export function canonical(value: unknown): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  // Put together as it goes: of a batch this is most of what is done for each memory before the database.
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += `${text === '' ? '' : ','}${canonical(item)}`;
    return `[${text}]`;
  }
  for (const name of Object.keys(value).sort()) {
    const field = (value as Readonly<Record<string, unknown>>)[name];
    if (field !== undefined) text += `${text === '' ? '' : ','}${quoted(name)}:${canonical(field)}`;
  }
  return `{${text}}`;
}

/** Names of fields, of which there are few, and the first of those that callers give, unless they are long. */
const quotedNames = new Map<string, string>();
const QUOTED_MAX = 1_000;
const QUOTED_LENGTH_MAX = 64;

function quoted(name: string): string {
  let text = quotedNames.get(name);
  if (text === undefined) {
    text = JSON.stringify(name);
    if (quotedNames.size < QUOTED_MAX && name.length <= QUOTED_LENGTH_MAX) quotedNames.set(name, text);
  }
  return text;
}
