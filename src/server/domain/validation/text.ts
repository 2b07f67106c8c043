import { LIMITS } from '../../../shared/limits.ts';
import { parseUuid } from '../ids.ts';
import type { Violations } from './violations.ts';

type Limit = Parameters<Violations['within']>[2];

const CONTROL = /\p{Cc}/u;
const PRINTABLE = /^[ -~]*$/;

/**
 * Any text: well-formed, and without NUL, which PostgreSQL's text cannot hold.
 *
 * @returns whether it is fine
 */
export function checkText(violations: Violations, field: string, text: string, limit: Limit): boolean {
  // Three bytes a character are the most: few texts need be counted.
  const fits = text.length >= limit.min && text.length * 3 <= limit.max;
  if (!fits && !violations.within(field, Buffer.byteLength(text), limit)) return false;
  const nul = text.indexOf('\0');
  if (nul >= 0) violations.add(field, `has a NUL (U+0000) at character ${nul + 1}`);
  else if (!text.isWellFormed()) violations.add(field, 'has half of a surrogate pair: it is not valid Unicode');
  else return true;
  return false;
}

/** Whether checkLine has nothing to say, as far as that is seen at a glance. */
function isLine(text: string, limit: Limit): boolean {
  return text.length >= limit.min && text.length * 3 <= limit.max && PRINTABLE.test(text);
}

/** Text of one line: no control characters (U+0000 to U+001F, U+007F to U+009F). */
export function checkLine(violations: Violations, field: string, text: string, limit: Limit): void {
  if (!checkText(violations, field, text, limit)) return;
  const found = CONTROL.exec(text);
  if (found) violations.add(field, `has a control character at character ${found.index + 1}`);
}

/** A plain identifier: one line that neither begins nor ends with white space. Empty is none. */
export function checkIdentifier(violations: Violations, field: string, text: string): void {
  if (text === '') return;
  if (!isLine(text, LIMITS.identifierBytes)) checkLine(violations, field, text, LIMITS.identifierBytes);
  if (text.trim() !== text) violations.add(field, 'begins or ends with white space');
}

/** @returns the UUID in lower case, or an empty text once it was refused */
export function readUuid(violations: Violations, field: string, text: string): string {
  const uuid = parseUuid(text);
  if (uuid !== undefined) return uuid;
  violations.add(field, text === '' ? 'is empty; a UUID is needed' : 'is not a UUID');
  return '';
}

/** An etag is the change number of a write. @returns undefined for none */
export function readEtag(violations: Violations, field: string, etag: string): number | undefined {
  if (etag === '') return undefined;
  const changeNo = /^\d{1,16}$/.test(etag) ? Number(etag) : Number.NaN;
  if (Number.isSafeInteger(changeNo)) return changeNo;
  violations.add(field, 'is not an etag: those are decimal numbers, given out with every memory');
  return undefined;
}

export function checkTags(violations: Violations, field: string, tags: readonly string[]): void {
  if (!violations.within(field, tags.length, LIMITS.tags)) return;
  for (let index = 0; index < tags.length; index++) {
    const tag = tags[index] as string;
    if (!isLine(tag, LIMITS.tagBytes)) checkLine(violations, `${field}[${index}]`, tag, LIMITS.tagBytes);
    const first = tags.indexOf(tag);
    if (first < index) violations.add(`${field}[${index}]`, `is the same as ${field}[${first}]`);
  }
}

/** A value of an enum of the contract, whose values are 0 to `last`. */
export function checkEnum(violations: Violations, field: string, value: number, last: number): void {
  if (!(value >= 0 && value <= last)) violations.add(field, `is ${value}, which the contract does not define`);
}
