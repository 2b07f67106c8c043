/**
 * Array parameters as Postgres writes them. By hand, because the driver's own quotes and escapes
 * every number and UUID too, which at 256 rows of 29 columns is most of the cost of sending a batch.
 */

const NEEDS_ESCAPE = /["\\]/;
const ESCAPED = /["\\]/g;

/** An array of values that need no quotes: numbers, UUIDs, booleans. */
export function plainArray(values: readonly (string | number | boolean | null | undefined)[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) literal += ',';
    const value = values[i];
    literal += value === null || value === undefined ? 'NULL' : value;
  }
  return `${literal}}`;
}

/** An array of texts. */
export function textArray(values: readonly (string | null | undefined)[]): string {
  let literal = '{';
  for (let i = 0; i < values.length; i++) {
    if (i > 0) literal += ',';
    const value = values[i];
    if (value === null || value === undefined) literal += 'NULL';
    else literal += NEEDS_ESCAPE.test(value) ? `"${value.replace(ESCAPED, '\\$&')}"` : `"${value}"`;
  }
  return `${literal}}`;
}

/** Reads a text[] without NULLs, as Postgres prints it. */
export function parseTextArray(literal: string): string[] {
  const values: string[] = [];
  let at = 1;
  while (at < literal.length - 1) {
    if (literal.charCodeAt(at) === 0x22) {
      let value = '';
      for (at++; literal.charCodeAt(at) !== 0x22; at++) {
        if (literal.charCodeAt(at) === 0x5c) at++;
        value += literal[at];
      }
      values.push(value);
      at += 2;
    } else {
      const comma = literal.indexOf(',', at);
      const end = comma === -1 ? literal.length - 1 : comma;
      values.push(literal.slice(at, end));
      at = end + 1;
    }
  }
  return values;
}
