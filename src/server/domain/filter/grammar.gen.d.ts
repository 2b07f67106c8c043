/** What the parser that grammar.gen.js holds, generated from grammar.peggy, gives and takes. */

export type Node =
  | { readonly op: 'and' | 'or'; readonly operands: readonly Node[] }
  | { readonly op: 'not'; readonly operand: Node }
  | ComparisonNode;

export interface ComparisonNode {
  readonly op: 'comparison';
  readonly path: readonly [string, ...string[]];
  readonly comparator: '=' | '!=' | '<' | '<=' | '>' | '>=' | ':';
  readonly value: Value;
  /** Of its first character in the filter, from 0. */
  readonly offset: number;
}

export type Value = { readonly offset: number } & (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number'; readonly number: number }
  | { readonly kind: 'word'; readonly word: string }
  | { readonly kind: 'any' }
);

/** @throws SyntaxError */
export function parse(text: string, options: { readonly maxDepth: number }): Node;

declare class GrammarError extends Error {
  readonly location: { readonly start: { readonly offset: number } };
  /** What would have been right there; null when the grammar itself refused. */
  readonly expected: readonly { readonly type: string; readonly description?: string; readonly text?: string }[] | null;
}

export { GrammarError as SyntaxError };
