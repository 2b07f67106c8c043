import { LIMITS } from '../../../shared/limits.ts';
import type { SensitiveNames } from '../../../shared/sensitive-names.ts';
import type { Filter } from './ast.ts';
import { filterError } from './filter-error.ts';
import { SyntaxError as GrammarError, type Node, parse } from './grammar.gen.js';
import { typeComparison } from './typing.ts';

/**
 * Parses and checks a filter (a subset of AIP-160; proto/memoryhub/v1/memory_service.proto describes
 * it), in time linear in its length. Empty: no filter.
 *
 * @param names what is sealed and so cannot be looked for
 * @throws ServiceError INVALID_FILTER with the position of the first character that is wrong
 */
export function parseFilter(text: string, names: SensitiveNames): Filter | undefined {
  const bytes = Buffer.byteLength(text);
  const { max } = LIMITS.filterBytes;
  if (bytes > max) throw filterError(text, 0, `is ${bytes} bytes; at most ${max} are allowed`);
  if (text.trim() === '') return undefined;
  return typed(text, parsed(text), names);
}

function parsed(text: string): Node {
  try {
    return parse(text, { maxDepth: LIMITS.filterDepth.max });
  } catch (error) {
    if (!(error instanceof GrammarError)) throw error;
    throw filterError(text, error.location.start.offset, describe(error));
  }
}

/** The parser's own message would quote the filter; what it expected is text of the grammar. */
function describe(error: GrammarError): string {
  if (error.expected === null) return error.message;
  const wanted = error.expected
    .map(({ type, description, text }) => (type === 'end' ? 'the end' : (description ?? `"${text}"`)))
    .filter((name) => name !== 'white space');
  return `does not parse; expected ${[...new Set(wanted)].sort().join(', ')}`;
}

function typed(text: string, node: Node, names: SensitiveNames): Filter {
  switch (node.op) {
    case 'and':
    case 'or':
      return { op: node.op, operands: node.operands.map((operand) => typed(text, operand, names)) };
    case 'not':
      return { op: 'not', operand: typed(text, node.operand, names) };
    case 'comparison':
      return typeComparison(text, node, names);
  }
}
