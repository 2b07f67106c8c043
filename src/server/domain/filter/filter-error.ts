import { ServiceError } from '../errors.ts';

/**
 * INVALID_FILTER that says where, and never repeats the caller's text.
 *
 * @param offset in UTF-16 units, from 0; the error names the character (code point), from 1
 * @param field the field in question, when it is a plain word
 */
export function filterError(filter: string, offset: number, description: string, field?: string): ServiceError {
  const position = String([...filter.slice(0, offset)].length + 1);
  const sentence = `${description} (at character ${position})`;
  return new ServiceError('INVALID_FILTER', `filter: ${sentence}`, {
    metadata: field === undefined ? { position } : { position, field },
    violations: [{ field: 'filter', description: sentence }],
  });
}
